/**
 * The whole panel: header, last message, and the selected tab.
 */
import * as React from 'react';
import { h } from '../jsx';
import type { IActions, ISettings, IState } from '../tokens';
import { Messages } from '../format/messages';
import { Announcement } from './announcement';
import { copyMessage, copyText } from './clipboard';
import type { Form } from './budgets';
import type { Perform, Choose, IPanelContext } from './panelContext';
import { Header, type Tab } from './header';
import { History } from './runsTab';
import { Notice } from './notice';
import { Now } from './liveTab';
import { overflowItems } from './overflowMenu';
import type { TranslationBundle } from '@jupyterlab/translation';

export interface IViewProps {
  state: IState;
  actions: IActions;
  trans: TranslationBundle;
  settings: ISettings;
  /** Change and store a setting. */
  onChoose: Choose;
  /** Move the focus to the notebook. */
  onLeave: () => void;
}

export function View(props: IViewProps): JSX.Element {
  const { state, actions, trans, settings } = props;
  const [tab, setTab] = React.useState<Tab>('now');
  const [form, setForm] = React.useState<Form>(null);
  const [message, setMessage] = React.useState<string | null>(null);
  const messages = React.useMemo(
    () => new Messages(trans, settings.unit),
    [trans, settings.unit]
  );
  const perform: Perform = action => {
    setMessage(null);
    action().then(
      answer => {
        if (answer && answer.message !== '') {
          setMessage(answer.message);
        }
      },
      (reason: unknown) =>
        setMessage(
          reason instanceof Error && reason.message !== ''
            ? reason.message
            : trans.__('That did not work, and no reason was given.')
        )
    );
  };
  const context: IPanelContext = {
    state,
    messages,
    actions,
    perform,
    showMessage: setMessage,
    order: settings.order,
    choose: (...chosen) => perform(() => props.onChoose(...chosen)),
    copy: text =>
      void copyText(text).then(done => setMessage(copyMessage(messages, done)))
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
        messages={messages}
        tab={tab}
        onTab={setTab}
        metering={metering}
        onMetering={on =>
          perform(() => (on ? actions.startMetering() : actions.stopMetering()))
        }
        items={() =>
          overflowItems(
            context,
            settings,
            () => setTab('runs'),
            () => {
              setTab('now');
              setForm('new');
            }
          )
        }
      />
      <Announcement state={state} messages={messages} quiet={settings.quiet} />
      <div className="jgp-said" role="status">
        {message === null ? null : (
          <Notice
            onDismiss={() => setMessage(null)}
            dismissLabel={trans.__('Dismiss')}
          >
            {message}
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
          <History context={context} />
        ) : (
          <Now
            context={context}
            form={form}
            onForm={setForm}
            onLoad={() => setTab('runs')}
          />
        )}
      </div>
    </div>
  );
}
