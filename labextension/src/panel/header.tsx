/**
 * The panel's header: title, tabs, a button to start or stop metering, and the overflow menu.
 */
import * as React from 'react';
import { h } from '../jsx';
import { Icon } from '../icons';
import type { Messages } from '../format/messages';
import { MenuButton, type IItem } from './menu';

export type Tab = 'now' | 'runs';

const TABS: readonly Tab[] = ['now', 'runs'];

export function Header({
  messages,
  tab,
  onTab,
  metering,
  onMetering,
  items
}: {
  messages: Messages;
  tab: Tab;
  onTab: (tab: Tab) => void;
  /** Whether cells are metered; null where that can't be switched here. */
  metering: boolean | null;
  onMetering: (on: boolean) => void;
  items: () => readonly IItem[];
}): JSX.Element {
  const { trans } = messages;
  const tabs = React.useRef<HTMLDivElement>(null);
  const names: Record<Tab, string> = {
    now: trans.__('Now'),
    runs: trans.__('Runs')
  };
  const onKeyDown = (event: React.KeyboardEvent): void => {
    const at = TABS.indexOf(tab);
    const to: Record<string, number> = {
      ArrowLeft: (at - 1 + TABS.length) % TABS.length,
      ArrowRight: (at + 1) % TABS.length,
      Home: 0,
      End: TABS.length - 1
    };
    if (event.key in to) {
      event.preventDefault();
      onTab(TABS[to[event.key]]);
      tabs.current?.querySelectorAll('button')[to[event.key]]?.focus();
    }
  };
  const switching = metering
    ? trans.__('Stop metering')
    : trans.__('Start metering');
  return (
    <header className="jgp-head">
      <h2>{trans.__('Energy')}</h2>
      <div
        ref={tabs}
        className="jgp-tabs"
        role="tablist"
        aria-label={trans.__('Energy views')}
        onKeyDown={onKeyDown}
      >
        {TABS.map(each => (
          <button
            key={each}
            type="button"
            role="tab"
            aria-selected={each === tab}
            tabIndex={each === tab ? 0 : -1}
            onClick={() => onTab(each)}
          >
            {names[each]}
          </button>
        ))}
      </div>
      {metering === null ? null : (
        <button
          type="button"
          className="jgp-ib"
          aria-label={switching}
          title={switching}
          onClick={() => onMetering(!metering)}
        >
          <Icon name={metering ? 'stop' : 'start'} />
        </button>
      )}
      <MenuButton
        icon="more"
        label={trans.__('More: unit, baseline, report, doctor')}
        items={items}
      />
    </header>
  );
}
