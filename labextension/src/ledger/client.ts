/**
 * Client of the server extension: earlier runs from the ledger, over HTTP.
 *
 * The extension may be missing, locked or of another version; live figures don't need it. Each call returns a
 * validated result or throws a `LedgerError` with one sentence for the user. No call counts as server activity.
 */
import { Event, ServerConnection } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ISignal, Signal } from '@lumino/signaling';

import {
  baselineHead,
  cell,
  count,
  figure,
  id,
  label,
  part,
  timestamp
} from '../kernel/frameValidation';
import {
  Reader,
  ValidationError,
  tryRead,
  list,
  number,
  object,
  oneOf,
  orNull,
  text
} from '../schema/validators';
import type { IBaselineHead, ICell, IFigure, IPart, IRun } from '../tokens';

/** `missing`: no server extension; `busy`: it can't read the ledger at the moment. */
export type LedgerErrorKind = 'missing' | 'busy' | 'wrong' | 'unreachable';

/** A failed call. */
export class LedgerError extends Error {
  constructor(
    readonly kind: LedgerErrorKind,
    /** One sentence for the user. */
    readonly sentence: string
  ) {
    super(sentence);
  }
}

export interface IHealth {
  version: string;
  ledger: 'ok' | 'missing' | 'locked' | 'newer' | 'unreachable';
  sentence: string | null;
}

export interface ISum {
  figure: IFigure;
  parts: IPart[];
  cells: number;
  runs: number;
  seconds: number;
}

export interface IPage<T> {
  items: T[];
  total: number;
}

/** A filter for records; times in seconds since 1970, or `today`. */
export interface IPeriod {
  since?: number | 'today';
  until?: number;
  /** A run to leave out. */
  without?: string;
  notebook?: string;
  project?: string;
}

/** New records in the ledger. */
export interface ILedgerChange {
  notebook: string | null;
  run: string | null;
  records: number;
}

const EVENT = 'https://events.jupyter.org/jupyter_green/ledger/v1';

const ROOT = 'jupyter-green/v1';
const MAX_CHARS = 16_000_000;
const TIMEOUT_MS = 75_000;

const sentence = text(4096);
const errorBody = object<{ message: string }>({ message: sentence });
const health: Reader<IHealth> = object<IHealth>({
  version: text(64),
  ledger: oneOf('ok', 'missing', 'locked', 'newer', 'unreachable'),
  sentence: orNull(sentence)
});
const sum: Reader<ISum> = object<ISum>({
  figure,
  parts: list(part, 64),
  cells: count,
  runs: count,
  seconds: number(0, 1e12)
});
const run: Reader<IRun> = object<IRun>({
  run: id,
  notebook: orNull(label),
  project: orNull(label),
  started_at: timestamp,
  ended_at: orNull(timestamp),
  cells: count,
  figure,
  idle: orNull(figure)
});
const runs = object<IPage<IRun>>({ items: list(run, 1000), total: count });
const cells = object<IPage<ICell>>({ items: list(cell, 1000), total: count });
const baselines = object<{ items: IBaselineHead[] }>({
  items: list(baselineHead, 1000)
});
const change = object<ILedgerChange>({
  notebook: orNull(label),
  run: orNull(id),
  records: count
});

type Query = Record<string, string | number | undefined>;

export class EnergyServer {
  constructor(
    private readonly _settings: ServerConnection.ISettings,
    events: Event.IManager,
    private readonly _trans: TranslationBundle
  ) {
    events.stream.connect(this._onEvent, this);
  }

  /** Emitted when the ledger has changed, for a minute after each call. */
  get changed(): ISignal<this, ILedgerChange> {
    return this._changed;
  }

  async health(): Promise<IHealth> {
    return this._get(health, ['health']);
  }

  async totals(period: IPeriod): Promise<ISum> {
    return this._get(sum, ['totals'], { ...period });
  }

  /** Runs of a notebook, newest first. */
  async runs(notebook: string, offset = 0, limit = 50): Promise<IPage<IRun>> {
    return this._get(runs, ['runs'], { notebook, offset, limit });
  }

  /** Cells of a run. */
  async cells(runId: string, offset = 0, limit = 200): Promise<IPage<ICell>> {
    return this._get(cells, ['cells'], { run: runId, offset, limit });
  }

  async baselines(notebook: string): Promise<IBaselineHead[]> {
    return (await this._get(baselines, ['baselines'], { notebook })).items;
  }

  /** Keep a finished run as a baseline. */
  async keepBaseline(
    notebook: string,
    runId: string,
    name: string
  ): Promise<IBaselineHead> {
    return this._call(
      baselineHead,
      'POST',
      ['baselines'],
      {},
      {
        notebook,
        run: runId,
        name
      }
    );
  }

  private async _get<T>(
    reader: Reader<T>,
    path: string[],
    query: Query = {}
  ): Promise<T> {
    return this._call(reader, 'GET', path, query);
  }

  private async _call<T>(
    reader: Reader<T>,
    method: string,
    path: string[],
    query: Query,
    body?: Record<string, string>
  ): Promise<T> {
    const params = new URLSearchParams({ no_track_activity: '1' });
    for (const [key, value] of Object.entries(query)) {
      if (value !== undefined) {
        params.set(key, String(value));
      }
    }
    const base = this._settings.baseUrl.replace(/\/*$/, '');
    const url = [base, ROOT, ...path.map(encodeURIComponent)].join('/');
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), TIMEOUT_MS);
    try {
      const response = await ServerConnection.makeRequest(
        `${url}?${params}`,
        {
          method,
          signal: abort.signal,
          ...(body === undefined ? {} : { body: JSON.stringify(body) })
        },
        this._settings
      );
      return this._read(reader, response.status, await response.text());
    } catch (error) {
      if (error instanceof LedgerError) {
        throw error;
      }
      throw new LedgerError(
        'unreachable',
        this._trans.__('The server does not answer; history is off for now.')
      );
    } finally {
      clearTimeout(timer);
    }
  }

  private _read<T>(reader: Reader<T>, status: number, text: string): T {
    const trans = this._trans;
    const data = text.length > MAX_CHARS ? undefined : parseJson(text);
    if (status >= 200 && status < 300) {
      const result = tryRead(reader, data);
      if (!(result instanceof ValidationError)) {
        return result;
      }
      throw new LedgerError(
        'wrong',
        trans.__(
          'The server sent an answer that this page can’t read (%1): install the same release of jupyter_green for both.',
          result.where
        )
      );
    }
    const body = tryRead(errorBody, data);
    const message = body instanceof ValidationError ? null : body.message;
    switch (status) {
      case 404:
        // Jupyter Server itself answers "Not Found" where the route doesn't exist.
        throw message === null || message === 'Not Found'
          ? new LedgerError(
              'missing',
              trans.__(
                'This server has no history: its part of jupyter_green is missing.'
              )
            )
          : new LedgerError('wrong', message);
      case 401:
      case 403:
        throw new LedgerError(
          'wrong',
          trans.__('The server does not let you read its ledger; log in again.')
        );
      case 503:
        throw new LedgerError(
          'busy',
          message ?? trans.__('The ledger can’t be read now.')
        );
      default:
        throw new LedgerError(
          'wrong',
          message ?? trans.__('The server answered with an error (%1).', status)
        );
    }
  }

  private _onEvent(_: unknown, emission: Event.Emission): void {
    if (emission.schema_id === EVENT) {
      const result = tryRead(change, emission);
      if (!(result instanceof ValidationError)) {
        this._changed.emit(result);
      }
    }
  }

  private readonly _changed = new Signal<this, ILedgerChange>(this);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined; // not JSON: undefined fails validation
  }
}
