import type { IBudget, IState } from '../tokens';
import { renderPage, stateAfterRun, renderText } from './panel';
import { cell } from './sample';

beforeAll(() => {
  // React warns once per component that layout effects don't run here, which is expected.
  jest.spyOn(console, 'error').mockImplementation(() => undefined);
});

describe('a budget', () => {
  const held: IBudget = {
    id: 'b',
    name: '50 Wh of inference per day',
    amount: '50 Wh',
    per: 'day',
    covers: 'inference',
    used: '62 Wh ± 2 measured of 50 Wh, 124 %',
    share: 1.25,
    quality: 'measured',
    state: 'held',
    until: 4e9,
    note: 'Not included: <b>1 record</b> without a figure.'
  };
  const of = (more: Partial<IBudget>): IState =>
    stateAfterRun([cell(600, 20)], { budgets: [{ ...held, ...more }] });

  it('shows the kernel’s sentence and a bar that ends at the limit', () => {
    expect(renderText(of({}))).toContain(
      'Budget of 50 Wh of inference per day blocked, until 2096-'
    );
    expect(renderText(of({}))).toContain(held.used);
    const page = renderPage(of({}));
    expect(page).toContain('&lt;b&gt;1 record&lt;/b&gt;');
    expect(page).toContain('Why cells may run anyway');
    // 1.25 of the limit: the limit is at 80 % of the bar, the excess fills the rest.
    const [, bar] = /data-state="held">.*?role="img"[^>]*>(.*?)<\/div>/.exec(
      page
    ) ?? ['', ''];
    expect(bar).toBe(
      '<i class="jgp-other" style="width:80.00%"></i><i class="jgp-over" style="width:20.00%"></i>' +
        '<b class="jgp-mod-dashed" style="left:64.00%"></b><b style="left:80.00%"></b>'
    );
  });

  it('has a hatched bar if estimated, and asks for a reason only while it blocks cells', () => {
    const page = renderPage(of({ state: 'warned', share: 0.9, quality: null }));
    expect(page).toContain('jgp-other jgp-est" style="width:90.00%"');
    expect(page).not.toContain('Why cells may run anyway');
    expect(renderText(of({ state: 'lifted' }))).toContain(
      'overridden, until 2096'
    );
    expect(renderText(of({ state: 'open', until: null }))).not.toContain(
      'until'
    );
  });

  it('shows nothing without a budget', () => {
    expect(renderPage(stateAfterRun([cell(600, 20)]))).not.toContain(
      'green-budgets'
    );
  });
});
