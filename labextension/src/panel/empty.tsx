/**
 * Shown where there are no live figures: one sentence and one next step.
 *
 * If the kernel or server was lost, the last figures stay below, muted.
 */
import { Fragment, h } from '../jsx';
import { timeOfDay } from '../format/time';
import { isKnown, seconds } from '../format/quantities';
import { keepsFigures } from '../state/status';
import type { Status } from '../tokens';
import { Button } from './button';
import { Command } from './command';
import type { IPanelContext } from './panelContext';

export function Empty({
  context
}: {
  context: IPanelContext;
}): JSX.Element | null {
  const { status } = context.state;
  const content = statusContent(context, status);
  return content === null ? null : (
    <section
      className="jgp-sec jgp-empty"
      data-testid="green-empty"
      data-state={status.kind}
    >
      {content}
    </section>
  );
}

function statusContent(
  context: IPanelContext,
  status: Status
): JSX.Element | null {
  const { actions, perform, messages } = context;
  const { trans } = messages;
  const step = (label: string, action: () => Promise<void>): JSX.Element => (
    <Button onClick={() => perform(action)}>{label}</Button>
  );
  const meter = step(trans.__('Start metering'), () => actions.startMetering());
  switch (status.kind) {
    case 'no-notebook':
      return (
        <>
          <p>{trans.__('Open a notebook to see its energy.')}</p>
          {step(trans.__('Open…'), () => actions.openNotebook())}
        </>
      );
    case 'no-kernel':
      return (
        <>
          <p>
            {trans.__('This notebook has no kernel.')}{' '}
            {status.last && isKnown(status.last.joules)
              ? trans.__('Its last run used %1.', messages.figure(status.last))
              : ''}
          </p>
          {step(trans.__('Start kernel'), () => actions.startKernel())}
        </>
      );
    case 'waiting':
      return <p>{waitText(context, status.why)}</p>;
    case 'not-python':
      return (
        <>
          <p>
            {trans.__(
              'This kernel runs %1. jupyter_green meters Python kernels.',
              status.language
            )}
          </p>
          {step(trans.__('Change kernel'), () => actions.changeKernel())}
        </>
      );
    case 'not-loaded':
      return (
        <>
          <p>
            {trans.__(
              'This kernel is not metered. Start now: cells you run from here on are counted, nothing is run again.'
            )}
          </p>
          {meter}
          <p className="jgp-muted">
            {trans.__('Or in a cell:')} <code>%load_ext jupyter_green</code>
          </p>
        </>
      );
    case 'not-installed':
      return (
        <>
          <p>
            {trans.__(
              'This kernel’s Python lacks jupyter_green. Run this in a cell, then start metering:'
            )}
          </p>
          <Command context={context} command={status.command} />
          <Button onClick={() => context.copy(status.command)}>
            {trans.__('Copy the command')}
          </Button>{' '}
          <Button quiet onClick={() => perform(() => actions.startMetering())}>
            {trans.__('Start metering')}
          </Button>
        </>
      );
    case 'off':
      return (
        <>
          <p>
            {trans.__(
              'Metering is switched off: cells run without being counted.'
            )}
          </p>
          {meter}
        </>
      );
    case 'stale':
      return (
        <p>
          {trans.__(
            'No word from the kernel for %1. Figures are from %2.',
            seconds(status.seconds),
            timeOfDay(status.since, true)
          )}
        </p>
      );
    case 'disconnected':
      return (
        <>
          <p>
            {trans.__(
              'The page lost the server. The kernel keeps counting; figures return when the connection does.'
            )}
          </p>
          <Button quiet onClick={() => perform(() => actions.reconnect())}>
            {trans.__('Reconnect')}
          </Button>
        </>
      );
    case 'live':
      return keepsFigures(context.state) ? null : (
        <p>
          {trans.__('Metering is on. Run a cell and its energy shows here.')}
        </p>
      );
  }
}

function waitText(
  context: IPanelContext,
  why: 'start' | 'busy' | 'loading'
): string {
  const { trans } = context.messages;
  return {
    start: trans.__('The kernel is starting.'),
    busy: trans.__(
      'The kernel is busy. Whether it is metered shows when its cell ends.'
    ),
    loading: trans.__('Metering starts when the kernel is free.')
  }[why];
}
