/**
 * Reads data that nobody vouches for: each reader returns a fresh value of the type it promises, or refuses.
 *
 * A notebook from elsewhere, an older kernel or a proxy may send anything. What is not known is left out, what is
 * known must fit: numbers are finite and within reason, texts and lists have a longest length. A refusal names the
 * place, and is caught where reading began; nothing is ever thrown into the page.
 */

/** Why data was refused: not the shape that was promised, or another version of the link. */
export class Refusal extends Error {
  constructor(
    readonly kind: 'shape' | 'version',
    /** Names from the outside in; for a version, the version that was said. */
    readonly path: string[] = []
  ) {
    super(kind);
  }

  get where(): string {
    return this.path.join('.').slice(0, 80);
  }
}

/** Returns the value as what it promises; throws a Refusal. */
export type Reader<T> = (value: unknown) => T;

/** Read data, and have a refusal as a value. */
export function attempt<T>(reader: Reader<T>, value: unknown): T | Refusal {
  try {
    return reader(value);
  } catch (error) {
    if (error instanceof Refusal) {
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
      throw new Refusal('shape');
    }
    return value;
  };
}

export function whole(high: number): Reader<number> {
  const within = number(0, high);
  return value => {
    const found = within(value);
    if (!Number.isInteger(found)) {
      throw new Refusal('shape');
    }
    return found;
  };
}

/** A text for people: control characters, and those that turn the direction of writing, become spaces. */
export function text(longest: number): Reader<string> {
  const exactly = name(longest);
  return value => exactly(value).replace(UNSEEN, ' ');
}

/** The same, of several lines. */
export function lines(longest: number): Reader<string> {
  const exactly = name(longest);
  return value => exactly(value).replace(UNSEEN, c => (c === '\n' ? c : ' '));
}

const UNSEEN =
  /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** A text that is compared with others, exactly as it is. */
export function name(longest: number): Reader<string> {
  return value => {
    if (typeof value !== 'string' || value.length > longest) {
      throw new Refusal('shape');
    }
    return value;
  };
}

export const flag: Reader<boolean> = value => {
  if (typeof value !== 'boolean') {
    throw new Refusal('shape');
  }
  return value;
};

export function oneOf<T extends string | number>(
  ...known: readonly T[]
): Reader<T> {
  return value => {
    const found = known.find(each => each === value);
    if (found === undefined) {
      throw new Refusal('shape');
    }
    return found;
  };
}

export function orNull<T>(reader: Reader<T>): Reader<T | null> {
  return value => (value === null ? null : reader(value));
}

/** For a field that may be left out. */
export function optional<T>(reader: Reader<T>): Reader<T | undefined> {
  return value => (value === undefined ? undefined : reader(value));
}

export function list<T>(reader: Reader<T>, longest: number): Reader<T[]> {
  return value => {
    if (!Array.isArray(value) || value.length > longest) {
      throw new Refusal('shape');
    }
    return value.map((each: unknown, index) =>
      inside(String(index), reader, each)
    );
  };
}

/** An object of these fields; others are left out. */
export function object<T>(fields: {
  [K in keyof T]-?: Reader<T[K]>;
}): Reader<T> {
  const entries = Object.entries(fields) as [string, Reader<unknown>][];
  return value => {
    if (!isObject(value)) {
      throw new Refusal('shape');
    }
    const found: Record<string, unknown> = {};
    for (const [key, reader] of entries) {
      // An inherited field, such as `constructor`, is nobody's figure.
      const own = Object.prototype.hasOwnProperty.call(value, key);
      const read = inside(key, reader, own ? value[key] : undefined);
      if (read !== undefined) {
        found[key] = read;
      }
    }
    return found as T;
  };
}

function inside<T>(key: string, reader: Reader<T>, value: unknown): T {
  try {
    return reader(value);
  } catch (error) {
    if (error instanceof Refusal && error.kind === 'shape') {
      error.path.unshift(key);
    }
    throw error;
  }
}
