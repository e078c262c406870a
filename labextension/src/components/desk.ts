/**
 * What every part of the panel is given: the words, what can be asked of the model, and how to say what came of it.
 */
import type { IActions, IAnswer, IState } from '../tokens';
import type { Words } from '../words';

/** Do something that may take a while or fail, and say in one sentence what came of it. */
export type Ask = (action: () => Promise<IAnswer | void>) => void;

export interface IDesk {
  state: IState;
  words: Words;
  actions: IActions;
  ask: Ask;
  /** Say one sentence to the person. */
  say: (sentence: string) => void;
  copy: (text: string) => void;
}
