/**
 * The total compared with its baseline: a bar by device, a tick, and one sentence.
 *
 * Only cells that both runs finished are compared: the tick is at the total minus their difference, so the rest of the
 * run does not move it. A dashed tick is the baseline's whole run.
 */
import { h } from '../jsx';
import { Bar, segmentClass, type ITick } from '../charts/bar';
import { cut, drawnParts, stack } from '../charts/stack';
import {
  THIN,
  percentChange,
  energy,
  withUnit,
  isKnown,
  inBlock
} from '../format/quantities';
import type { IComparison, ITotals } from '../tokens';
import { Button } from './button';
import type { IPanelContext } from './panelContext';

/** Ticks closer than this share of the bar are drawn as one. */
const MIN_TICK_GAP = 0.02;

export function Baseline({
  context,
  totals,
  onLoad
}: {
  context: IPanelContext;
  totals: ITotals;
  onLoad: () => void;
}): JSX.Element {
  const { state, messages } = context;
  const { figure, against } = totals;
  // With the total's digits, which has no ± while a cell runs.
  const block = energy(
    figure.joules,
    state.busy ? null : figure.uncertainty,
    null,
    messages.choice
  );
  const joules = isKnown(figure.joules) ? figure.joules : 0;
  const compared = against && isKnown(against.baseline) && totals.compared > 0;
  const baselineTotal =
    compared && isKnown(against.difference)
      ? joules - against.difference
      : null;
  const wholeRun =
    state.baseline && isKnown(state.baseline.figure.joules)
      ? state.baseline.figure.joules
      : null;
  const wholeRunUncertainty = state.baseline?.figure.uncertainty ?? null;
  const scale = Math.max(joules, baselineTotal ?? 0, wholeRun ?? 0);
  const segments = stack(figure.joules, figure, totals.parts, scale);
  const ticks: ITick[] = [];
  if (scale > 0 && baselineTotal !== null && baselineTotal > 0) {
    ticks.push({ at: baselineTotal / scale });
  }
  if (
    scale > 0 &&
    wholeRun !== null &&
    (baselineTotal === null || wholeRun - baselineTotal > MIN_TICK_GAP * scale)
  ) {
    ticks.push({ at: wholeRun / scale, dashed: true });
  }
  const excess = against?.verdict === 'more' && baselineTotal !== null;
  const name = state.baseline ? messages.baseline(state.baseline) : '';
  const label = [
    messages.spoken(messages.reading(figure)),
    messages.devices(totals.parts),
    wholeRun === null
      ? ''
      : messages.trans.__(
          'baseline %1, whole run, %2',
          name,
          messages.spoken(messages.reading(state.baseline?.figure ?? figure))
        )
  ];
  return (
    <div data-testid="green-baseline">
      <Bar
        big
        segments={
          excess ? cut(segments, (baselineTotal ?? 0) / scale) : segments
        }
        ticks={ticks}
        label={label.filter(each => each !== '').join('; ')}
      />
      <div className="jgp-key">
        {drawnParts(totals.parts).map(part => (
          <span key={part.kind + part.quality}>
            <i className={`jgp-sw ${segmentClass(part.kind, part.quality)}`} />
            {messages.kind(part.kind)} {part.quality === 'estimated' ? '~' : ''}
            {inBlock(part.joules ?? 0, block)}
          </span>
        ))}
        {wholeRun === null ? null : (
          <span className="jgp-base">
            {name}: {energy(wholeRun, wholeRunUncertainty, block.unit).value}
          </span>
        )}
      </div>
      {against && compared ? (
        <ComparisonSentence
          context={context}
          against={against}
          compared={totals.compared}
        />
      ) : (
        <NoComparison context={context} totals={totals} onLoad={onLoad} />
      )}
    </div>
  );
}

/** The difference, the number of cells compared, and its interval. */
function ComparisonSentence({
  context,
  against,
  compared
}: {
  context: IPanelContext;
  against: IComparison;
  compared: number;
}): JSX.Element {
  const { messages } = context;
  const { trans } = messages;
  const onCells = trans._n(
    'on the %1 cell both runs finished',
    'on the %1 cells both runs finished',
    compared,
    compared.toLocaleString('en')
  );
  const ratio = isKnown(against.ratio) ? percentChange(against.ratio) : '';
  const amount = (joules: number): string =>
    withUnit(
      energy(joules, against.difference_uncertainty, null, messages.choice)
    );
  const conditions = messages.conditionsReason(against);
  if (conditions !== '') {
    return (
      <p className="jgp-say">
        <strong>{trans.__('≈ no proven difference')}</strong> {onCells}{' '}
        <span className="jgp-muted">{trans.__('because %1', conditions)}</span>
      </p>
    );
  }
  if (messages.comparesCpuTime(against)) {
    return (
      <CpuTimeSentence
        context={context}
        against={against}
        onCells={against.verdict === 'none' ? '' : onCells}
      />
    );
  }
  return (
    <p className="jgp-say">
      {against.verdict === 'more' ? (
        <span className="jgp-tri" aria-hidden="true" />
      ) : null}
      <strong>
        {against.verdict === 'more'
          ? against.excess > 0
            ? trans.__('%1 excess, %2', amount(against.excess), ratio)
            : trans.__('%1, within the allowance', ratio)
          : against.verdict === 'less'
            ? trans.__('%1 saved, %2', amount(against.saved), ratio)
            : against.verdict === 'unproven'
              ? trans.__('≈ no proven difference')
              : trans.__('Not compared: %1', messages.reason(against.reason))}
      </strong>{' '}
      {against.verdict === 'none' ? '' : onCells}{' '}
      <span className="jgp-muted jgp-tn">{intervalText(context, against)}</span>
    </p>
  );
}

/** The difference in processor time, where joules are only estimated from it. */
function CpuTimeSentence({
  context,
  against,
  onCells
}: {
  context: IPanelContext;
  against: IComparison;
  onCells: string;
}): JSX.Element {
  const { messages } = context;
  const { trans } = messages;
  const { ratio, baseline, difference_uncertainty: halfWidth } = against;
  const share =
    isKnown(halfWidth) && isKnown(baseline) && baseline > 0
      ? halfWidth / baseline
      : null;
  const ratioText = isKnown(ratio) ? percentChange(ratio) : '';
  return (
    <p className="jgp-say">
      <strong>
        {messages.isProven(against)
          ? trans.__('CPU time %1', ratioText)
          : against.reason === null
            ? trans.__('≈ no proven difference in CPU time')
            : trans.__('≈ CPU time %1 in one run', ratioText)}
      </strong>{' '}
      {onCells}{' '}
      <span
        className={against.reason === null ? 'jgp-muted jgp-tn' : 'jgp-muted'}
      >
        {against.reason === null
          ? isKnown(ratio) && share !== null
            ? trans.__(
                '(95%1%: %2 to %3)',
                THIN,
                percentChange(ratio - share),
                percentChange(ratio + share)
              )
            : ''
          : trans.__(
              'Others use this machine: restart and run the notebook once more to be sure.'
            )}
      </span>
    </p>
  );
}

/** The 95 % interval of the difference: "(95 %: −1.6 to −1.2 kJ)". */
function intervalText(context: IPanelContext, against: IComparison): string {
  const { excess, difference_uncertainty: halfWidth, verdict } = against;
  // For an excess it is the interval of the excess, which a tolerance makes smaller than the difference.
  const difference =
    verdict === 'more' && excess > 0 ? excess : against.difference;
  if (!isKnown(difference) || !isKnown(halfWidth) || verdict === 'none') {
    return '';
  }
  const block = energy(difference, halfWidth, null, context.messages.choice);
  return context.messages.trans.__(
    '(95%1%: %2 to %3)',
    THIN,
    inBlock(difference - halfWidth, block),
    `${inBlock(difference + halfWidth, block)}${THIN}${block.unit.symbol}`
  );
}

/** Explains why there is no comparison yet, and offers to make one. */
function NoComparison({
  context,
  totals,
  onLoad
}: {
  context: IPanelContext;
  totals: ITotals;
  onLoad: () => void;
}): JSX.Element | null {
  const { actions, perform, messages, state } = context;
  const { trans } = messages;
  if (state.baseline !== null || totals.against !== null) {
    return (
      <p className="jgp-say jgp-muted">
        {trans.__(
          'Not compared yet: no cell of the baseline has been run since.'
        )}
      </p>
    );
  }
  // Without sensors the hint on sensors comes first; the menu offers the baseline too. While a cell runs the baseline
  // may not have been read yet, and rows may be compared before the total is.
  return state.problem !== null ||
    state.busy ||
    state.cells.some(cell => cell.against) ? null : (
    <div className="jgp-hint">
      <p>
        {trans.__(
          'Nothing to compare with yet. Keep this run as the baseline and the next one shows what changed.'
        )}
      </p>
      <Button onClick={() => perform(() => actions.setBaseline(null))}>
        {trans.__('Set as baseline')}
      </Button>{' '}
      <Button quiet onClick={onLoad}>
        {trans.__('Load one…')}
      </Button>
    </div>
  );
}
