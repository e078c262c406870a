/**
 * What every component of the panel gets: state, messages, actions, and how to report their outcome.
 */
import type { IChoices } from '../state/settings';
import type { IActions, IAnswer, ISettings, IState } from '../tokens';
import type { Messages } from '../format/messages';

/** Run an action and show its answer or error. */
export type Perform = (action: () => Promise<IAnswer | void>) => void;

/** Change and store a setting that the panel offers. */
export type Choose = <K extends 'unit' | 'order'>(
  key: K,
  value: IChoices[K]
) => Promise<void>;

export interface IPanelContext {
  state: IState;
  messages: Messages;
  actions: IActions;
  perform: Perform;
  /** Show a message to the user. */
  showMessage: (sentence: string) => void;
  copy: (text: string) => void;
  order: ISettings['order'];
  choose: (...chosen: Parameters<Choose>) => void;
}
