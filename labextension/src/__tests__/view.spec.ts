import * as React from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { Dots, type IDot } from '../charts/dots';
import { timeOfDay } from '../format/time';
import type { Status } from '../tokens';
import { renderPage, stateAfterRun, renderText } from './panel';
import { comparison, cell, figure, state, totals } from './sample';

function run(key: string, joules: number): IDot {
  const quality = 'measured';
  return { key, joules, uncertainty: 90, quality, open: false, title: key };
}

beforeAll(() => {
  // React warns once per component that layout effects don't run here, which is expected.
  jest.spyOn(console, 'error').mockImplementation(() => undefined);
});

describe('without live figures', () => {
  const cases: [Status, string, string | null][] = [
    [{ kind: 'no-notebook' }, 'Open a notebook', 'Open…'],
    [{ kind: 'no-kernel', last: null }, 'has no kernel.', 'Start kernel'],
    [
      { kind: 'no-kernel', last: figure(6400, 200) },
      'Its last run used 6.4 kJ ± 0.2.',
      'Start kernel'
    ],
    [{ kind: 'waiting', why: 'busy' }, 'The kernel is busy.', null],
    [
      { kind: 'not-python', language: 'R' },
      'This kernel runs R.',
      'Change kernel'
    ],
    [{ kind: 'not-loaded' }, 'is not metered', 'Start metering'],
    [
      { kind: 'not-installed', command: '%pip install jupyter_green' },
      '%pip install jupyter_green',
      'Copy the command'
    ],
    [{ kind: 'off' }, 'switched off', 'Start metering'],
    [{ kind: 'stale', seconds: 12, since: 0 }, 'for 12 s', null],
    [{ kind: 'disconnected' }, 'lost the server', 'Reconnect'],
    [{ kind: 'live' }, 'Run a cell', null]
  ];

  it.each(cases)('%p', (status, sentence, step) => {
    const page = renderPage(state({ status }));
    expect(page).toContain(`data-state="${status.kind}"`);
    expect(renderText(state({ status }))).toContain(sentence);
    if (step !== null) {
      expect(page).toMatch(new RegExp(`<button[^>]*>${step}</button>`));
    }
    expect(page).not.toContain('data-testid="green-total"');
  });

  it.each(['stale', 'disconnected'])('keeps the last figures: %s', kind => {
    const status = { kind, seconds: 12, since: 0 } as Status;
    const page = renderPage(stateAfterRun([cell(600, 20)], { status }));
    expect(page).toContain('data-testid="green-total"');
    expect(page).toContain('jgp-mod-muted');
  });

  it('shows no figures before a cell has run, but the hint on sensors', () => {
    const problem = { sentence: 'It is closed to you.', command: 'chmod x' };
    const none = stateAfterRun([], { status: { kind: 'live' }, problem });
    expect(renderPage(none)).not.toContain('data-testid="green-total"');
    expect(renderText(none)).toContain('Run a cell and its energy shows here.');
    expect(renderText(none)).toContain('It is closed to you.');
    expect(renderPage({ ...none, busy: true })).toContain('green-total');
  });

  it('shows how to enable a sensor', () => {
    const problem = { sentence: 'It is closed to you.', command: 'chmod x' };
    const page = renderText(stateAfterRun([cell(600, 20)], { problem }));
    expect(page).toContain('No energy sensor can be read.');
    expect(page).toContain('It is closed to you. chmod x Open the doctor');
  });
});

describe('provenance', () => {
  const simulated = { quality: 'simulated', measured_share: null } as const;
  const one = cell(600, 20, { figure: figure(600, 20, simulated) });

  it('never calls a simulated figure measured', () => {
    const page = renderPage(
      stateAfterRun([one], {
        busy: true,
        running: { ...one, status: 'running', final: false },
        watts: 24,
        wattsQuality: 'simulated',
        today: figure(900, 30, simulated),
        totals: {
          figure: figure(600, 20, simulated),
          parts: [
            { kind: 'gpu', joules: 600, uncertainty: 20, quality: 'simulated' }
          ],
          seconds: 1,
          cells: 1,
          idle: figure(5, 1, simulated),
          reruns: null,
          against: null,
          compared: 0
        }
      })
    );
    expect(page).not.toContain('measured');
    expect(page).toContain('simulated now');
    expect(page.match(/simulated/g)?.length).toBeGreaterThan(6);
    expect(page).toContain('jgp-gpu jgp-sim');
  });

  it('marks estimated figures by symbol, hatching and word', () => {
    const estimated = { quality: 'estimated', measured_share: 0 } as const;
    const page = renderPage(
      stateAfterRun(
        [
          cell(92, 37, {
            figure: figure(92, 37, estimated),
            parts: [
              { kind: 'cpu', joules: 92, uncertainty: 37, quality: 'estimated' }
            ]
          })
        ],
        {}
      )
    );
    expect(page).toContain('~90');
    expect(page).toContain('jgp-cpu jgp-est');
    expect(page).toContain('~ estimated');
  });

  it('shows missing readings as missing', () => {
    const page = stateAfterRun([cell(null)], {
      totals: {
        figure: figure(null),
        parts: [],
        seconds: 1,
        cells: 1,
        idle: figure(null),
        reruns: null,
        against: null,
        compared: 0
      }
    });
    expect(renderText(page)).toContain('no reading');
    expect(renderPage(page)).toMatch(/class="jgp-j">–</);
    expect(renderText(page)).not.toMatch(/(^| )0( |J|W)/);
    expect(renderText(page)).not.toContain('Idle');
  });
});

describe('comparison with the baseline', () => {
  const baseline = {
    kind: 'named',
    name: 'before',
    runs: 1,
    figure: figure(900, 30),
    cells: 3,
    made_at: 0
  } as const;
  const compared = (more: Parameters<typeof comparison>[0]): string =>
    renderText(
      stateAfterRun([cell(600, 20, { against: comparison(more) })], {
        baseline,
        totals: {
          figure: figure(600, 20),
          parts: [],
          seconds: 1,
          cells: 1,
          idle: null,
          reruns: null,
          against: comparison({
            difference: -38,
            difference_uncertainty: 6,
            ...more
          }),
          compared: 1
        }
      })
    );

  it('shows the saving, the number of cells, and the interval', () => {
    const page = compared({});
    expect(page).toContain(
      '38 J saved, −38 % on the 1 cell both runs finished'
    );
    expect(page).toContain('(95 %: −44 to −32 J)');
  });

  it('shows the excess', () => {
    const page = compared({
      verdict: 'more',
      ratio: 0.27,
      difference: 26,
      excess: 26,
      saved: 0
    });
    expect(page).toContain('26 J excess, +27 %');
  });

  it('shows neither ratio nor saving without significance', () => {
    const page = compared({ verdict: 'unproven' });
    expect(page).toContain('≈ no proven difference');
    expect(page).not.toMatch(/saved|excess|38 %/);
  });

  it('offers to set a baseline where there is none', () => {
    const page = renderText(stateAfterRun([cell(600, 20)]));
    expect(page).toContain('Nothing to compare with yet.');
    expect(page).toContain('Set as baseline Load one…');
    expect(page).toContain('share');
  });
});

describe('the order of the cells', () => {
  const cells = [
    cell(25, 1, { line: 'small' }),
    cell(20, 40, {
      line: 'bound',
      figure: figure(20, 40, { below_resolution: true })
    }),
    cell(90, 40, { line: 'killed', status: 'killed' }),
    cell(55, 1, { line: 'middle' })
  ];
  const lines = (page: string): string[] =>
    [...page.matchAll(/<code>(.*?)<\/code>/g)].map(match => match[1]);

  it('is that of the notebook', () => {
    const page = renderPage(stateAfterRun(cells));
    expect(lines(page)).toEqual(['small', 'bound', 'killed', 'middle']);
    expect(page).toContain('aria-pressed="false"');
  });

  it('is by the joules shown, once that was chosen', () => {
    const page = renderPage(stateAfterRun(cells), { order: 'joules' });
    expect(lines(page)).toEqual(['middle', 'killed', 'small', 'bound']);
    expect(page).toMatch(/>55.0<.*≥ 50<.*>25.0<.*≤ 60</s);
    expect(page).toContain('aria-pressed="true"');
  });
});

describe('formatting of figures', () => {
  it('has a space between sign and bound everywhere', () => {
    const bound = figure(0.3, 0.5, { below_resolution: true });
    const page = renderPage(
      stateAfterRun([cell(0.3, 0.5, { figure: bound })], {
        totals: totals(bound, { idle: bound, reruns: bound })
      })
    );
    expect(page.match(/≤ 0\.8/g)?.length).toBeGreaterThan(3);
    expect(page).not.toContain('≤0');
  });

  it('states small costs as the kernel does: number of runs, then uncertainty', () => {
    const worth = figure(600, 30, {
      co2e_grams: 0.003,
      cost: 0.00001345,
      currency: 'EUR'
    });
    const page = renderText(
      stateAfterRun([cell(600, 30)], { totals: totals(worth) })
    );
    expect(page).toContain('€13.45 cost per million runs ± 5 %');
    expect(page).toContain('3.0 mg CO₂e ± 5 %');
  });

  it('derives only bounds from a bound', () => {
    const worth = figure(0.3, 0.5, {
      below_resolution: true,
      co2e_grams: 0.003,
      cost: 0.00001345,
      currency: 'EUR'
    });
    const page = renderText(
      stateAfterRun([cell(0.3, 0.5)], { totals: totals(worth) })
    );
    expect(page).toContain('≤ 0.3 mWh');
    expect(page).toContain('≤ 8.1 mg CO₂e');
    expect(page).toContain('≤ €35.87 cost per million runs');
    expect(page).not.toMatch(/± \d{3}/);
    const none = renderText(
      stateAfterRun([], { totals: totals({ ...worth, joules: -0.1 }) })
    );
    expect(none).toContain('– CO₂e');
    expect(none).not.toContain('≤ –');
  });

  it('shows no ± for figures that still grow', () => {
    const worth = figure(2, 3, { co2e_grams: 0.003 });
    const running = cell(2, 3, { status: 'running', final: false });
    const page = renderText(
      stateAfterRun([running], { busy: true, totals: totals(worth), running })
    );
    expect(page).toContain('CO₂e');
    expect(page).not.toMatch(/CO₂e ±/);
  });
});

describe('the chart of runs', () => {
  it('has axis labels that do not overlap the baseline’s', () => {
    // jsdom has no layout: widths are 0, heights are all equal.
    const page = renderToStaticMarkup(
      React.createElement(Dots, {
        dots: [run('a', 930), run('b', 400)],
        baseline: { joules: 610, uncertainty: 20 },
        baselineText: '610',
        textOf: joules => `at ${joules}`,
        selected: null,
        label: ''
      })
    );
    const seen = [...page.matchAll(/<text[^>]* y="([\d.]+)"[^>]*>([^<]*)</g)];
    expect(seen.map(([_, __, page]) => page)).toEqual([
      '610',
      'at 0',
      'at 500',
      'at 1000'
    ]);
  });
});

describe('contents of a total', () => {
  it('begins with the first execution, not with the first one shown in a row', () => {
    const again = stateAfterRun([cell(600, 20, { started_at: 7200 })], {
      totals: totals(figure(600, 20), { began_at: 3600 })
    });
    expect(renderText(again)).toMatch(new RegExp(`since .*${timeOfDay(3600)}`));
    expect(renderText(again)).not.toContain(timeOfDay(7200));
  });

  it('marks a total of today that may be incomplete as a lower bound', () => {
    const least = stateAfterRun([cell(600, 20)], {
      today: { ...figure(600, 20), lowerBound: true }
    });
    expect(renderText(least)).toContain('All notebooks today ≥ 600 J ± 20');
    const whole = stateAfterRun([cell(600, 20)], { today: figure(600, 20) });
    expect(renderText(whole)).toContain('All notebooks today 600 J ± 20');
  });

  it('names devices that are not in it, and marks the rows', () => {
    const lacking = cell(3, 1, { incomplete: '1 of 2 devices not counted' });
    const page = renderPage(stateAfterRun([cell(600, 20), lacking]));
    expect(page).toContain('1 with a device not counted');
    expect(page).toContain('>incomplete<');
    const row = /aria-label="([^"]*3[^"]*1 of 2 devices not counted[^"]*)"/;
    expect(page).toMatch(row);
    expect(renderPage(stateAfterRun([cell(600, 20)]))).not.toContain(
      'not counted'
    );
  });

  it('says that shared devices are counted completely', () => {
    const shared = cell(96, 2, {
      shared: true,
      own_joules: 51,
      device_joules: 96
    });
    const whole = 'shared devices are counted whole';
    expect(renderPage(stateAfterRun([shared]))).toContain(whole);
    expect(renderPage(stateAfterRun([cell(600, 20)]))).not.toContain(whole);
  });
});

describe('untrusted text', () => {
  it('is escaped', () => {
    const hostile = '<img src=x onerror=alert(1)><script>alert(1)</script>';
    const page = renderPage(
      stateAfterRun([cell(1e300, 1e299, { line: hostile })], {
        notebook: `${hostile}.ipynb`,
        notice: hostile,
        problem: { sentence: hostile, command: hostile },
        baseline: {
          kind: 'named',
          name: hostile,
          runs: 1,
          figure: figure(1, 1),
          cells: 1,
          made_at: null
        }
      })
    );
    expect(page).not.toMatch(/<img|<script/);
    expect(page).toContain('&lt;img src=x onerror=alert(1)&gt;');
  });
});

describe('ten thousand cells', () => {
  it('render only a few rows', () => {
    const cells = Array.from({ length: 10000 }, () => cell(1, 0.1));
    const rows = renderPage(stateAfterRun(cells)).match(
      /data-testid="green-cell-row"/g
    );
    expect(rows?.length).toBeGreaterThan(10);
    expect(rows?.length).toBeLessThan(60);
  });
});
