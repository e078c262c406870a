/**
 * Totals of runs as a chart, with the baseline and what the marks mean.
 */
import { h } from '../element';
import { Dots } from '../charts/dots';
import { energy, head, known, within } from '../format/quantities';
import type { IFigure, Quality } from '../tokens';
import { modelled } from '../format/messages';
import type { IDesk } from './panelContext';
import { columnUnit, type IEntry } from './runEntry';

const MOST_DOTS = 40;

/** How sure a whole run is: one that was measured in part counts as measured here, the words say how far. */
function sureness(figure: IFigure): Quality {
  return figure.quality === 'estimated' && !modelled(figure)
    ? 'measured'
    : figure.quality;
}

export function RunChart({
  desk,
  runs,
  when,
  selected
}: {
  desk: IDesk;
  runs: readonly IEntry[];
  when: (run: IEntry) => string;
  selected: string | null;
}): JSX.Element {
  const { state, words } = desk;
  const { trans } = words;
  const dots = runs
    .slice(0, MOST_DOTS)
    .reverse()
    .map(run => ({
      key: run.key,
      joules: run.figure.joules,
      uncertainty: run.figure.uncertainty,
      quality: sureness(run.figure),
      open: run.now,
      title: `${when(run)}: ${words.figure(run.figure)}, ${words.standing(run.figure)}`
    }));
  const base = state.baseline?.figure ?? null;
  const baseline =
    base !== null && known(base.joules)
      ? { joules: base.joules, uncertainty: base.uncertainty }
      : null;
  const unit = columnUnit(runs, words);
  const seen = new Set(dots.map(dot => dot.quality));
  const name = (state.notebook ?? '').split('/').pop();
  return (
    <section className="jgp-sec" aria-label={trans.__('Totals per run')}>
      <div className="jgp-nb" title={state.notebook ?? undefined}>
        <span>{name}</span>
        <span className="jgp-muted">
          {trans._n('%1 run', '%1 runs', runs.length, runs.length)}
        </span>
      </div>
      <Dots
        dots={dots}
        baseline={baseline}
        baselineText={
          baseline
            ? within(
                baseline.joules,
                energy(baseline.joules, baseline.uncertainty, unit)
              )
            : ''
        }
        textOf={joules => head(energy(joules, null, unit))}
        selected={selected}
        label={trans.__(
          'Total per run with its 95 percent interval, oldest first: %1',
          dots.map(dot => dot.title).join('; ')
        )}
      />
      <div className="jgp-lr jgp-muted jgp-sm jgp-ends" aria-hidden="true">
        <span>{when(runs[Math.min(runs.length, MOST_DOTS) - 1])}</span>
        <span>{runs.length > 1 ? when(runs[0]) : ''}</span>
      </div>
      <p className="jgp-legend">
        {dots.some(dot => dot.open) ? (
          <span>
            <i className="jgp-ring" />
            {trans.__('this run')}
          </span>
        ) : null}
        {dots.some(dot => !dot.open && dot.quality === 'measured') ? (
          <span>
            <i className="jgp-ring jgp-mod-full" />
            {trans.__('earlier run')}
          </span>
        ) : null}
        {seen.has('estimated') ? (
          <span>
            <i className="jgp-ring jgp-mod-dashed" />
            {trans.__('~ estimated')}
          </span>
        ) : null}
        {seen.has('simulated') ? (
          <span>
            <i className="jgp-ring jgp-mod-dashed" />
            {trans.__('simulated')}
          </span>
        ) : null}
        {baseline && state.baseline ? (
          <span>
            <i className="jgp-bandsw" />
            {words.baseline(state.baseline)}
          </span>
        ) : null}
      </p>
    </section>
  );
}
