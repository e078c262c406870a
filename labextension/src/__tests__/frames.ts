/** Example frames of a kernel. */
import { figure } from './sample';
import type { IHistory, ISnapshot } from '../tokens';

let sent = 0;

export function snapshot(more: Partial<ISnapshot> = {}): ISnapshot {
  sent += 1;
  return {
    v: 1,
    type: 'snapshot',
    app: 'jupyter_green',
    run: 'r',
    seq: sent,
    sent_at: 1_800_000_000 + sent / 5,
    notebook: 'a.ipynb',
    project: 'p',
    phase: 'busy',
    watts: 40,
    watts_quality: 'measured',
    devices: [
      { key: 'gpu-0', kind: 'gpu', device: 'GPU 0', quality: 'measured' }
    ],
    problem: null,
    running: null,
    cells: [],
    totals: {
      figure: figure(10, 1),
      parts: [],
      seconds: 3,
      cells: 1,
      idle: null,
      reruns: null,
      against: null,
      compared: 0
    },
    today: null,
    baseline: null,
    budgets: [],
    notice: null,
    ...more
  };
}

export function history(more: Partial<IHistory> = {}): IHistory {
  sent += 1;
  return {
    v: 1,
    type: 'history',
    app: 'jupyter_green',
    run: 'r',
    seq: sent,
    cells: [],
    page: 0,
    pages: 1,
    ...more
  };
}
