/**
 * What every part of the panel is given: the words, what can be asked of the model, and how to say what came of it.
 */
import type { IChoices } from '../state/settings';
import type { IActions, IAnswer, ISettings, IState } from '../tokens';
import type { Messages } from '../format/messages';

/** Do something that may take a while or fail, and say in one sentence what came of it. */
export type Perform = (action: () => Promise<IAnswer | void>) => void;

/** Change a setting that the panel itself offers, so that it is kept. */
export type Choose = <K extends 'unit' | 'order'>(
  key: K,
  value: IChoices[K]
) => Promise<void>;

export interface IPanelContext {
  state: IState;
  messages: Messages;
  actions: IActions;
  perform: Perform;
  /** Say one sentence to the person. */
  showMessage: (sentence: string) => void;
  copy: (text: string) => void;
  order: ISettings['order'];
  choose: (...chosen: Parameters<Choose>) => void;
}
