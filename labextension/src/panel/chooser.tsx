/**
 * Selects the baseline: the last run, the median of the last runs, a name or a file; or keeps this run as one.
 */
import { Fragment, h } from '../jsx';
import type { IBaselineHead } from '../tokens';
import { Button } from './button';
import type { IPanelContext } from './panelContext';
import { NameForm } from './nameForm';

export function Chooser({ context }: { context: IPanelContext }): JSX.Element {
  const { state, messages, actions, perform } = context;
  const { trans } = messages;
  const { baseline, baselines } = state;
  const named = baselines.filter(each => each.name !== null);
  const use = (name: string): void => perform(() => actions.useBaseline(name));
  const chosen = (each: IBaselineHead): boolean =>
    baseline !== null &&
    baseline.kind === each.kind &&
    baseline.name === each.name;
  return (
    <section className="jgp-sec" aria-label={trans.__('Baseline')}>
      <div className="jgp-lr">
        <h3>{trans.__('Baseline')}</h3>
        <span className="jgp-muted">
          {baseline ? messages.baseline(baseline) : trans.__('none yet')}
        </span>
      </div>
      <div className="jgp-act">
        <Button
          quiet
          pressed={baseline?.kind === 'last'}
          onClick={() => use('last')}
        >
          {trans.__('Last run')}
        </Button>{' '}
        <Button
          quiet
          pressed={baseline?.kind === 'median'}
          onClick={() => use('median')}
        >
          {trans.__('Median of last runs')}
        </Button>{' '}
        {named.map(each => (
          <Fragment key={each.name}>
            <Button
              quiet
              pressed={chosen(each)}
              title={messages.figure(each.figure)}
              onClick={() => use(each.name ?? '')}
            >
              {messages.baseline(each)}
            </Button>{' '}
          </Fragment>
        ))}
        {baseline?.kind === 'named' || baseline?.kind === 'file' ? (
          <Button quiet onClick={() => perform(() => actions.clearBaseline())}>
            {trans.__('Clear')}
          </Button>
        ) : null}
      </div>
      <NameForm
        label={trans.__('Name, or path of a file')}
        submit={trans.__('Use')}
        onSubmit={use}
      />
      <NameForm
        label={trans.__('Name for this run')}
        submit={trans.__('Set as baseline')}
        optional
        onSubmit={name => perform(() => actions.setBaseline(name || null))}
      />
    </section>
  );
}
