import {
  isGreenFrame,
  readFrame,
  frameErrorMessage
} from '../kernel/frameValidation';
import { ValidationError } from '../schema/validators';
import type { Frame } from '../tokens';
import { history, snapshot } from './frames';
import { comparison, cell, trans } from './sample';

/** As it is after transport as JSON. */
function wire(frame: unknown): unknown {
  return JSON.parse(JSON.stringify(frame));
}

/** A frame with one field changed; the path is from the outside in. */
function changed(frame: unknown, path: string[], value: unknown): unknown {
  const copy = wire(frame) as Record<string, unknown>;
  let at = copy;
  for (const step of path.slice(0, -1)) {
    at = at[step] as Record<string, unknown>;
  }
  at[path[path.length - 1]] = value;
  return copy;
}

function refused(value: unknown): ValidationError {
  const result = readFrame(value);
  if (!(result instanceof ValidationError)) {
    throw new Error(`not refused: ${JSON.stringify(result).slice(0, 200)}`);
  }
  return result;
}

const whole = snapshot({
  running: cell(3, null, { status: 'running', final: false }),
  cells: [cell(4, 1, { against: comparison() }), cell(null)],
  budgets: [
    {
      id: 'b',
      name: '50 Wh per day',
      amount: '50 Wh',
      per: 'day',
      covers: 'all',
      used: '1 Wh ± 0.1 measured of 50 Wh, 2 %',
      share: 0.02,
      quality: 'measured',
      state: 'open',
      until: 1_800_000_000,
      note: null
    }
  ]
});

describe('a frame', () => {
  it.each<[string, Frame]>([
    ['a snapshot', whole],
    ['a page of history', history({ cells: [cell(1)] })],
    [
      'an answer',
      {
        v: 1,
        type: 'answer',
        app: 'jupyter_green',
        run: 'r',
        to: 'x',
        ok: true,
        message: 'Kept.'
      }
    ]
  ])('is read whole: %s', (_name, frame) => {
    expect(readFrame(wire(frame))).toEqual(frame);
  });

  it('keeps the line breaks of a command', () => {
    const problem = { sentence: 'a\nb', command: 'sudo a\nsudo b\u202e\tc' };
    const result = readFrame({ ...(wire(whole) as object), problem });
    expect(result).toMatchObject({
      problem: { sentence: 'a b', command: 'sudo a\nsudo b  c' }
    });
  });

  it('is a copy without unknown fields', () => {
    const result = readFrame({
      ...(wire(whole) as object),
      html: '<script>',
      constructor: 1
    });
    expect(result).toEqual(whole);
    expect(Object.keys(result)).not.toContain('html');
  });

  it.each<[string, string[], unknown]>([
    ['no number', ['totals', 'figure', 'joules'], 'many'],
    ['not finite', ['watts'], Infinity],
    ['not a number', ['totals', 'figure', 'joules'], NaN],
    ['beyond all reason', ['totals', 'figure', 'joules'], 1e300],
    ['a negative half-width', ['totals', 'figure', 'uncertainty'], -1],
    ['a share above one', ['totals', 'figure', 'measured_share'], 1.5],
    ['half a cell', ['totals', 'cells'], 0.5],
    ['absent', ['cells', '0', 'figure', 'joules'], undefined],
    ['a made-up quality', ['totals', 'figure', 'quality'], 'certain'],
    ['a made-up phase', ['phase'], 'dancing'],
    ['a budget in a made-up state', ['budgets', '0', 'state'], 'spent'],
    ['less than nothing used', ['budgets', '0', 'share'], -1],
    ['a text in place of a list', ['cells'], 'abc'],
    ['a list in place of an object', ['totals'], []],
    ['too many cells', ['cells'], new Array(501).fill(null)],
    ['an endless line', ['cells', '0', 'line'], 'x'.repeat(100_000)],
    ['an endless notice', ['notice'], 'x'.repeat(100_000)],
    ['a time in another age', ['sent_at'], 1e15]
  ])('is refused whole: %s', (_name, path, value) => {
    const refusal = refused(changed(whole, path, value));
    expect(refusal.kind).toBe('shape');
    expect(refusal.where.startsWith(path.join('.'))).toBe(true);
  });

  it.each([[null], [undefined], [3], ['x'], [[]], [{}], [{ v: 1 }]])(
    'is refused where it is none: %p',
    value => {
      expect(refused(value).kind).toBe('shape');
    }
  );

  it('of another version is rejected with both versions', () => {
    const refusal = refused({ ...whole, v: 2 });
    expect(refusal.kind).toBe('version');
    expect(frameErrorMessage(refusal, trans)).toMatch(
      /^The kernel uses version 2 .* version 1: .*\.$/
    );
  });

  it('that was rejected names the field in one sentence', () => {
    const refusal = refused(changed(whole, ['watts'], 'x'));
    expect(frameErrorMessage(refusal, trans)).toContain('(watts)');
  });

  it('with a `__proto__` key is harmless', () => {
    const result = readFrame(
      JSON.parse(
        JSON.stringify(whole).replace(
          '"v":1',
          '"v":1,"__proto__":{"running":3,"polluted":true}'
        )
      )
    );
    expect(result).toEqual(whole);
    expect('polluted' in {}).toBe(false);
  });

  it('does not inherit missing fields', () => {
    const bare = wire(whole) as Record<string, unknown>;
    delete bare.notice;
    const heir = Object.assign(Object.create({ notice: 'x' }) as object, bare);
    expect(refused(heir).where).toBe('notice');
  });

  it('has texts without control characters', () => {
    const result = readFrame(
      changed(whole, ['notice'], 'safe\u202egnp.exe\u0007<b>')
    );
    expect(result).toMatchObject({ notice: 'safe gnp.exe <b>' });
  });

  it('is recognized by its app field', () => {
    expect(isGreenFrame(whole)).toBe(true);
    expect(isGreenFrame({ app: 'another' })).toBe(false);
    expect(isGreenFrame(null)).toBe(false);
  });
});
