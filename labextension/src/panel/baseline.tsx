/**
 * The total against its baseline: a bar of devices, a tick, and one sentence that carries the fact.
 *
 * Like for like: the tick stands where the total would be, had the cells that both runs finished used what the
 * baseline used for them; the rest of the run does not move it. A dashed tick is the whole run of the baseline.
 */
import { h } from '../element';
import { Bar, look, type ITick } from '../charts/bar';
import { cut, drawn, stack } from '../charts/stack';
import {
  THIN,
  change,
  energy,
  head,
  known,
  within
} from '../format/quantities';
import type { IAgainst, ITotals } from '../tokens';
import { Button } from './button';
import type { IDesk } from './panelContext';

/** Ticks nearer than this share of the bar would read as one. */
const APART = 0.02;

export function Baseline({
  desk,
  totals,
  onLoad
}: {
  desk: IDesk;
  totals: ITotals;
  onLoad: () => void;
}): JSX.Element {
  const { state, words } = desk;
  const { figure, against } = totals;
  const block = energy(figure.joules, figure.uncertainty, null, words.choice);
  const joules = known(figure.joules) ? figure.joules : 0;
  const compared = against && known(against.baseline) && totals.compared > 0;
  const level =
    compared && known(against.difference) ? joules - against.difference : null;
  const whole =
    state.baseline && known(state.baseline.figure.joules)
      ? state.baseline.figure.joules
      : null;
  const wide = state.baseline?.figure.uncertainty ?? null;
  const scale = Math.max(joules, level ?? 0, whole ?? 0);
  const segments = stack(figure.joules, figure, totals.parts, scale);
  const ticks: ITick[] = [];
  if (scale > 0 && level !== null && level > 0) {
    ticks.push({ at: level / scale });
  }
  if (
    scale > 0 &&
    whole !== null &&
    (level === null || whole - level > APART * scale)
  ) {
    ticks.push({ at: whole / scale, dashed: true });
  }
  const excess = against?.verdict === 'more' && level !== null;
  const name = state.baseline ? words.baseline(state.baseline) : '';
  const label = [
    words.spoken(words.reading(figure)),
    words.devices(totals.parts),
    whole === null
      ? ''
      : words.trans.__(
          'baseline %1, whole run, %2',
          name,
          words.spoken(words.reading(state.baseline?.figure ?? figure))
        )
  ];
  return (
    <div data-testid="green-baseline">
      <Bar
        big
        segments={excess ? cut(segments, (level ?? 0) / scale) : segments}
        ticks={ticks}
        label={label.filter(each => each !== '').join('; ')}
      />
      <div className="jgp-key">
        {drawn(totals.parts).map(part => (
          <span key={part.kind + part.quality}>
            <i className={`jgp-sw ${look(part.kind, part.quality)}`} />
            {words.kind(part.kind)} {part.quality === 'estimated' ? '~' : ''}
            {within(part.joules ?? 0, block)}
          </span>
        ))}
        {whole === null ? null : (
          <span className="jgp-base">
            {name}: {energy(whole, wide, block.unit).value}
          </span>
        )}
      </div>
      {against && compared ? (
        <Sentence desk={desk} against={against} compared={totals.compared} />
      ) : (
        <Nothing desk={desk} totals={totals} onLoad={onLoad} />
      )}
    </div>
  );
}

/** How far above or below, on how many cells, and how sure that is. */
function Sentence({
  desk,
  against,
  compared
}: {
  desk: IDesk;
  against: IAgainst;
  compared: number;
}): JSX.Element {
  const { words } = desk;
  const { trans } = words;
  const on = trans._n(
    'on the %1 cell both runs finished',
    'on the %1 cells both runs finished',
    compared,
    compared.toLocaleString('en')
  );
  const ratio = known(against.ratio) ? change(against.ratio) : '';
  const amount = (joules: number): string =>
    head(energy(joules, against.difference_uncertainty, null, words.choice));
  const unfair = words.unfair(against);
  if (unfair !== '') {
    return (
      <p className="jgp-say">
        <strong>{trans.__('≈ no proven difference')}</strong> {on}{' '}
        <span className="jgp-muted">{trans.__('because %1', unfair)}</span>
      </p>
    );
  }
  if (words.timed(against)) {
    return (
      <Timed
        desk={desk}
        against={against}
        on={against.verdict === 'none' ? '' : on}
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
              : trans.__('Not compared: %1', words.reason(against.reason))}
      </strong>{' '}
      {against.verdict === 'none' ? '' : on}{' '}
      <span className="jgp-muted jgp-tn">{interval(desk, against)}</span>
    </p>
  );
}

/** Processor times: joules are only estimated from them, so that the share is told and its interval. */
function Timed({
  desk,
  against,
  on
}: {
  desk: IDesk;
  against: IAgainst;
  on: string;
}): JSX.Element {
  const { words } = desk;
  const { trans } = words;
  const { ratio, baseline, difference_uncertainty: doubt } = against;
  const share =
    known(doubt) && known(baseline) && baseline > 0 ? doubt / baseline : null;
  const said = known(ratio) ? change(ratio) : '';
  return (
    <p className="jgp-say">
      <strong>
        {words.proven(against)
          ? trans.__('CPU time %1', said)
          : against.reason === null
            ? trans.__('≈ no proven difference in CPU time')
            : trans.__('≈ CPU time %1 in one run', said)}
      </strong>{' '}
      {on}{' '}
      <span
        className={against.reason === null ? 'jgp-muted jgp-tn' : 'jgp-muted'}
      >
        {against.reason === null
          ? known(ratio) && share !== null
            ? trans.__(
                '(95%1%: %2 to %3)',
                THIN,
                change(ratio - share),
                change(ratio + share)
              )
            : ''
          : trans.__('Others use this machine: run it once more to be sure.')}
      </span>
    </p>
  );
}

/** The 95 % interval of the difference: "(95 %: −1.6 to −1.2 kJ)". */
function interval(desk: IDesk, against: IAgainst): string {
  const { excess, difference_uncertainty: doubt, verdict } = against;
  // Of an excess it is that of the excess, which a tolerance makes smaller than the difference.
  const difference =
    verdict === 'more' && excess > 0 ? excess : against.difference;
  if (!known(difference) || !known(doubt) || verdict === 'none') {
    return '';
  }
  const block = energy(difference, doubt, null, desk.words.choice);
  return desk.words.trans.__(
    '(95%1%: %2 to %3)',
    THIN,
    within(difference - doubt, block),
    `${within(difference + doubt, block)}${THIN}${block.unit.symbol}`
  );
}

/** No comparison yet: why, and what makes one. */
function Nothing({
  desk,
  totals,
  onLoad
}: {
  desk: IDesk;
  totals: ITotals;
  onLoad: () => void;
}): JSX.Element | null {
  const { actions, ask, words, state } = desk;
  const { trans } = words;
  if (state.baseline !== null || totals.against !== null) {
    return (
      <p className="jgp-say jgp-muted">
        {trans.__(
          'Not compared yet: no cell that the baseline has was run since.'
        )}
      </p>
    );
  }
  // Where nothing is measured the way to a sensor comes first; the menu has the baseline too. While a cell runs the
  // baseline may not have been read yet, and rows may be compared before the sum is.
  return state.problem !== null ||
    state.busy ||
    state.cells.some(cell => cell.against) ? null : (
    <div className="jgp-hint">
      <p>
        {trans.__(
          'Nothing to compare with yet. Keep this run as the baseline and the next one shows what changed.'
        )}
      </p>
      <Button onClick={() => ask(() => actions.setBaseline(null))}>
        {trans.__('Set as baseline')}
      </Button>{' '}
      <Button quiet onClick={onLoad}>
        {trans.__('Load one…')}
      </Button>
    </div>
  );
}
