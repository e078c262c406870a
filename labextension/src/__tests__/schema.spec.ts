/** What the page reads is what the JSON schema of the frames describes: field by field, code by code. */
import { readFrame } from '../kernel/frameValidation';
import { ValidationError } from '../schema/validators';

type Schema = Record<string, unknown> & {
  $defs: Record<string, Schema>;
  properties?: Record<string, Schema>;
};

const root = jest.requireActual<Schema>(
  '../../../jupyter_green/live/frame.v1.schema.json'
);

/** A part of the schema without references and without "or null". */
function resolved(schema: Schema): Schema {
  if (typeof schema.$ref === 'string') {
    return resolved(root.$defs[schema.$ref.replace('#/$defs/', '')]);
  }
  const several = schema.oneOf as Schema[] | undefined;
  return several === undefined ? schema : resolved(several[0]);
}

/** The values that a field may have, apart from null; one example where they are not listed. */
function values(schema: Schema): unknown[] {
  const part = resolved(schema);
  if ('const' in part) {
    return [part.const];
  }
  if (Array.isArray(part.enum)) {
    return part.enum.filter(value => value !== null);
  }
  const type = [part.type].flat().find(each => each !== 'null');
  switch (type) {
    case 'object':
      return [example(part)];
    case 'array':
      return [[example(part.items as Schema)]];
    case 'string':
      return ['text'];
    case 'boolean':
      return [true];
    default:
      return [1];
  }
}

/** A value with every field that the schema names. */
function example(schema: Schema): unknown {
  const { properties } = resolved(schema);
  return properties === undefined
    ? values(schema)[0]
    : Object.fromEntries(
        Object.entries(properties).map(([key, each]) => [key, example(each)])
      );
}

/** The same value, which notes the fields that are asked for in each object. */
function watched(value: unknown, asked: Map<object, Set<string>>): unknown {
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  const keys = new Set<string>();
  asked.set(value, keys);
  const copy = (
    Array.isArray(value)
      ? value.map(each => watched(each, asked))
      : Object.fromEntries(
          Object.entries(value).map(([key, each]) => [
            key,
            watched(each, asked)
          ])
        )
  ) as object;
  return Array.isArray(value)
    ? copy
    : new Proxy(copy, {
        getOwnPropertyDescriptor: (target, key) => {
          keys.add(String(key));
          return Reflect.getOwnPropertyDescriptor(target, key);
        }
      });
}

/** The paths of all fields with a list of codes, and these. */
function* codes(
  schema: Schema,
  path: string[]
): Generator<[string[], unknown[]]> {
  const part = resolved(schema);
  if (part.properties !== undefined) {
    for (const [key, each] of Object.entries(part.properties)) {
      yield* codes(each, [...path, key]);
    }
  } else if (part.items !== undefined) {
    yield* codes(part.items as Schema, [...path, '0']);
  } else if (part.enum !== undefined) {
    yield [path, values(part)];
  }
}

function changed(frame: unknown, path: string[], value: unknown): unknown {
  const copy = JSON.parse(JSON.stringify(frame)) as Record<string, unknown>;
  let at = copy;
  for (const step of path.slice(0, -1)) {
    at = at[step] as Record<string, unknown>;
  }
  at[path[path.length - 1]] = value;
  return copy;
}

describe.each(['snapshot', 'history', 'answer'])('a %s', name => {
  const whole = example(root.$defs[name]);

  it('keeps every field of the schema', () => {
    expect(readFrame(whole)).toEqual(whole);
  });

  it('is asked for no other field', () => {
    const asked = new Map<object, Set<string>>();
    readFrame(watched(whole, asked));
    for (const [value, keys] of asked) {
      if (!Array.isArray(value)) {
        expect([...keys].sort()).toEqual(Object.keys(value).sort());
      }
    }
  });

  it('may have every code of the schema and no other', () => {
    for (const [path, allowed] of codes(root.$defs[name], [])) {
      for (const code of allowed) {
        const frame = changed(whole, path, code);
        expect(readFrame(frame)).toEqual(frame);
      }
      const last = path[path.length - 1];
      // A reason without a text is shown as it is; see tests/labextension/test_messages.py.
      if (last !== 'reason') {
        expect(readFrame(changed(whole, path, 'unheard of'))).toBeInstanceOf(
          ValidationError
        );
      }
    }
  });
});
