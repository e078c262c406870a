/**
 * The whole panel: head, what happened to the last wish, and the tab in front.
 */
import * as React from 'react';
import { h } from '../element';
import type { IActions, ISettings, IState } from '../tokens';
import { Words } from '../format/messages';
import { Announcement } from './announcement';
import { afterCopy, copied } from './clipboard';
import type { Form } from './budgets';
import type { Ask, Choose, IDesk } from './panelContext';
import { Header, type Tab } from './header';
import { History } from './history';
import { Notice } from './notice';
import { Now } from './now';
import { rare } from './overflowMenu';
import type { TranslationBundle } from '@jupyterlab/translation';

export interface IViewProps {
  state: IState;
  actions: IActions;
  trans: TranslationBundle;
  settings: ISettings;
  /** Change a setting, so that it is kept. */
  onChoose: Choose;
  /** Give the focus back to the notebook. */
  onLeave: () => void;
}

export function View(props: IViewProps): JSX.Element {
  const { state, actions, trans, settings } = props;
  const [tab, setTab] = React.useState<Tab>('now');
  const [form, setForm] = React.useState<Form>(null);
  const [said, setSaid] = React.useState<string | null>(null);
  const words = React.useMemo(
    () => new Words(trans, settings.unit),
    [trans, settings.unit]
  );
  const ask: Ask = action => {
    setSaid(null);
    action().then(
      answer => {
        if (answer && answer.message !== '') {
          setSaid(answer.message);
        }
      },
      (reason: unknown) =>
        setSaid(
          reason instanceof Error && reason.message !== ''
            ? reason.message
            : trans.__('That did not work, and no reason was given.')
        )
    );
  };
  const desk: IDesk = {
    state,
    words,
    actions,
    ask,
    say: setSaid,
    order: settings.order,
    choose: (...chosen) => ask(() => props.onChoose(...chosen)),
    copy: text =>
      void copied(text).then(done => setSaid(afterCopy(words, done)))
  };
  const { kind } = state.status;
  const metering =
    kind === 'live' || kind === 'stale'
      ? true
      : kind === 'off' || kind === 'not-loaded'
        ? false
        : null;
  return (
    <div
      className="jgp-view"
      onKeyDown={event => {
        if (event.key === 'Escape' && !event.defaultPrevented) {
          props.onLeave();
        }
      }}
    >
      <Header
        words={words}
        tab={tab}
        onTab={setTab}
        metering={metering}
        onMetering={on =>
          ask(() => (on ? actions.startMetering() : actions.stopMetering()))
        }
        items={() =>
          rare(
            desk,
            settings,
            () => setTab('runs'),
            () => {
              setTab('now');
              setForm('new');
            }
          )
        }
      />
      <Announcement state={state} words={words} quiet={settings.quiet} />
      <div className="jgp-said" role="status">
        {said === null ? null : (
          <Notice
            onDismiss={() => setSaid(null)}
            dismissLabel={trans.__('Dismiss')}
          >
            {said}
          </Notice>
        )}
      </div>
      <div
        className="jgp-body"
        role="tabpanel"
        aria-label={tab === 'now' ? trans.__('Now') : trans.__('Runs')}
        data-tab={tab}
      >
        {tab === 'runs' ? (
          <History desk={desk} />
        ) : (
          <Now
            desk={desk}
            form={form}
            onForm={setForm}
            onLoad={() => setTab('runs')}
          />
        )}
      </div>
    </div>
  );
}
