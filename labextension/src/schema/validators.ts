/**
 * Validators for untrusted data: each reader returns a new value of its type or throws a `ValidationError`.
 *
 * A foreign notebook, an older kernel or a proxy may send anything. Unknown fields are dropped; known ones must be
 * valid: finite numbers within limits, texts and lists of limited length. The error names the field; `tryRead` returns
 * it as a value.
 */

/** Why data was rejected: wrong shape, or another protocol version. */
export class ValidationError extends Error {
  constructor(
    readonly kind: 'shape' | 'version',
    /** Field names from the outside in; for a version, the version received. */
    readonly path: string[] = []
  ) {
    super(kind);
  }

  get where(): string {
    return this.path.join('.').slice(0, 80);
  }
}

/** Returns a validated copy; throws a ValidationError. */
export type Reader<T> = (value: unknown) => T;

/** Validate data, and return an error as a value. */
export function tryRead<T>(
  reader: Reader<T>,
  value: unknown
): T | ValidationError {
  try {
    return reader(value);
  } catch (error) {
    if (error instanceof ValidationError) {
      return error;
    }
    throw error;
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function number(low: number, high: number): Reader<number> {
  return value => {
    if (typeof value !== 'number' || !(value >= low && value <= high)) {
      throw new ValidationError('shape');
    }
    return value;
  };
}

export function integer(high: number): Reader<number> {
  const within = number(0, high);
  return value => {
    const result = within(value);
    if (!Number.isInteger(result)) {
      throw new ValidationError('shape');
    }
    return result;
  };
}

/** Text to display: control characters, including those that change the writing direction, become spaces. */
export function text(maxLength: number): Reader<string> {
  const read = exactText(maxLength);
  return value => read(value).replace(CONTROL_CHARS, ' ');
}

/** The same, with line breaks. */
export function lines(maxLength: number): Reader<string> {
  const read = exactText(maxLength);
  return value =>
    read(value).replace(CONTROL_CHARS, c => (c === '\n' ? c : ' '));
}

const CONTROL_CHARS =
  /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Text used as a key, unchanged. */
export function exactText(maxLength: number): Reader<string> {
  return value => {
    if (typeof value !== 'string' || value.length > maxLength) {
      throw new ValidationError('shape');
    }
    return value;
  };
}

export const bool: Reader<boolean> = value => {
  if (typeof value !== 'boolean') {
    throw new ValidationError('shape');
  }
  return value;
};

export function oneOf<T extends string | number>(
  ...allowed: readonly T[]
): Reader<T> {
  return value => {
    const match = allowed.find(each => each === value);
    if (match === undefined) {
      throw new ValidationError('shape');
    }
    return match;
  };
}

export function orNull<T>(reader: Reader<T>): Reader<T | null> {
  return value => (value === null ? null : reader(value));
}

/** For an optional field. */
export function optional<T>(reader: Reader<T>): Reader<T | undefined> {
  return value => (value === undefined ? undefined : reader(value));
}

export function list<T>(reader: Reader<T>, maxLength: number): Reader<T[]> {
  return value => {
    if (!Array.isArray(value) || value.length > maxLength) {
      throw new ValidationError('shape');
    }
    return value.map((each: unknown, index) =>
      readField(String(index), reader, each)
    );
  };
}

/** An object with these fields; others are dropped. */
export function object<T>(fields: {
  [K in keyof T]-?: Reader<T[K]>;
}): Reader<T> {
  const entries = Object.entries(fields) as [string, Reader<unknown>][];
  return value => {
    if (!isObject(value)) {
      throw new ValidationError('shape');
    }
    const result: Record<string, unknown> = {};
    for (const [key, reader] of entries) {
      // Only own fields count, not inherited ones such as `constructor`.
      const isOwn = Object.prototype.hasOwnProperty.call(value, key);
      const fieldValue = readField(key, reader, isOwn ? value[key] : undefined);
      if (fieldValue !== undefined) {
        result[key] = fieldValue;
      }
    }
    return result as T;
  };
}

function readField<T>(key: string, reader: Reader<T>, value: unknown): T {
  try {
    return reader(value);
  } catch (error) {
    if (error instanceof ValidationError && error.kind === 'shape') {
      error.path.unshift(key);
    }
    throw error;
  }
}
