/**
 * Totals of runs as a chart, with baseline and legend.
 */
import { h } from '../jsx';
import { Dots } from '../charts/dots';
import { energy, withUnit, isKnown, inBlock } from '../format/quantities';
import type { IFigure, Quality } from '../tokens';
import { isModelled } from '../format/messages';
import type { IPanelContext } from './panelContext';
import { columnUnit, type IEntry } from './runEntry';

const MAX_DOTS = 40;

/** How a run's dot is drawn: partly measured runs as measured; the text states the share. */
function dotQuality(figure: IFigure): Quality {
  return figure.quality === 'estimated' && !isModelled(figure)
    ? 'measured'
    : figure.quality;
}

export function RunChart({
  context,
  runs,
  when,
  selected
}: {
  context: IPanelContext;
  runs: readonly IEntry[];
  when: (run: IEntry) => string;
  selected: string | null;
}): JSX.Element {
  const { state, messages } = context;
  const { trans } = messages;
  const dots = runs
    .slice(0, MAX_DOTS)
    .reverse()
    .map(run => ({
      key: run.key,
      joules: run.figure.joules,
      uncertainty: run.figure.uncertainty,
      quality: dotQuality(run.figure),
      open: run.now,
      title: `${when(run)}: ${messages.figure(run.figure)}, ${messages.provenance(run.figure)}`
    }));
  const baselineFigure = state.baseline?.figure ?? null;
  const baseline =
    baselineFigure !== null && isKnown(baselineFigure.joules)
      ? {
          joules: baselineFigure.joules,
          uncertainty: baselineFigure.uncertainty
        }
      : null;
  const unit = columnUnit(runs, messages);
  const qualities = new Set(dots.map(dot => dot.quality));
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
            ? inBlock(
                baseline.joules,
                energy(baseline.joules, baseline.uncertainty, unit)
              )
            : ''
        }
        textOf={joules => withUnit(energy(joules, null, unit))}
        selected={selected}
        label={trans.__(
          'Total per run with its 95 percent interval, oldest first: %1',
          dots.map(dot => dot.title).join('; ')
        )}
      />
      <div className="jgp-lr jgp-muted jgp-sm jgp-ends" aria-hidden="true">
        <span>{when(runs[Math.min(runs.length, MAX_DOTS) - 1])}</span>
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
        {qualities.has('estimated') ? (
          <span>
            <i className="jgp-ring jgp-mod-dashed" />
            {trans.__('~ estimated')}
          </span>
        ) : null}
        {qualities.has('simulated') ? (
          <span>
            <i className="jgp-ring jgp-mod-dashed" />
            {trans.__('simulated')}
          </span>
        ) : null}
        {baseline && state.baseline ? (
          <span>
            <i className="jgp-bandsw" />
            {messages.baseline(state.baseline)}
          </span>
        ) : null}
      </p>
    </section>
  );
}
