/**
 * Where there is nothing to show: one sentence, then one step.
 *
 * A page that has lost the kernel or the server keeps its last figures below, muted; all others stand alone.
 */
import { Fragment, h } from '../element';
import { timeOfDay } from '../format/time';
import { known, seconds } from '../format/quantities';
import { keepsFigures } from '../state/status';
import type { Status } from '../tokens';
import { Button } from './button';
import { Command } from './command';
import type { IDesk } from './panelContext';

export function Empty({ desk }: { desk: IDesk }): JSX.Element | null {
  const { status } = desk.state;
  const content = said(desk, status);
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

function said(desk: IDesk, status: Status): JSX.Element | null {
  const { actions, ask, words } = desk;
  const { trans } = words;
  const step = (label: string, action: () => Promise<void>): JSX.Element => (
    <Button onClick={() => ask(action)}>{label}</Button>
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
            {status.last && known(status.last.joules)
              ? trans.__('Its last run used %1.', words.figure(status.last))
              : ''}
          </p>
          {step(trans.__('Start kernel'), () => actions.startKernel())}
        </>
      );
    case 'waiting':
      return <p>{waits(desk, status.why)}</p>;
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
          <Command desk={desk} command={status.command} />
          <Button onClick={() => desk.copy(status.command)}>
            {trans.__('Copy the command')}
          </Button>{' '}
          <Button quiet onClick={() => ask(() => actions.startMetering())}>
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
          <Button quiet onClick={() => ask(() => actions.reconnect())}>
            {trans.__('Reconnect')}
          </Button>
        </>
      );
    case 'live':
      return keepsFigures(desk.state) ? null : (
        <p>
          {trans.__('Metering is on. Run a cell and its energy shows here.')}
        </p>
      );
  }
}

function waits(desk: IDesk, why: 'start' | 'busy' | 'loading'): string {
  const { trans } = desk.words;
  return {
    start: trans.__('The kernel is starting.'),
    busy: trans.__(
      'The kernel is busy. Whether it is metered shows when its cell ends.'
    ),
    loading: trans.__('Metering starts when the kernel is free.')
  }[why];
}
