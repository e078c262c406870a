/**
 * A record under its cell: one sentence, and what it rests on one click below it.
 *
 * Every word that came with the record is put in as text. A record that may still settle has nothing to open.
 */
import * as React from 'react';
import { Fragment, h } from '../element';
import { Button } from '../components/button';
import { afterCopy, copied } from '../components/clipboard';
import { Icon, type IconName } from '../icons';
import { Refusal } from '../shape';
import type { Words } from '../words';
import { clauses, type Clause } from './clause';
import { Course } from './course';
import { Devices } from './devices';
import { attributed, type IRecord } from './energy';
import { facts } from './fact';
import { card, message } from './quotation';
import { refusedRecord } from './schema';
import { Shares } from './share';

export function Pieces({ said }: { said: Clause }): JSX.Element {
  return (
    <>
      {said.map((piece, index) =>
        typeof piece === 'string'
          ? piece
          : h(piece.as, { key: index }, piece.text)
      )}
    </>
  );
}

export function Record({
  words,
  record
}: {
  words: Words;
  record: IRecord | Refusal;
}): JSX.Element {
  if (record instanceof Refusal) {
    return <p className="jgp-plain">{refusedRecord(record, words.trans)}</p>;
  }
  const icon = sign(record);
  const summary = (
    <>
      {icon === null ? null : <Icon name={icon} role={ROLES[icon]} />}
      {clauses(words, record).map((said, index) => (
        <Fragment key={index}>
          {index > 0 ? <span className="jgp-muted"> · </span> : null}
          <Pieces said={said} />
        </Fragment>
      ))}
    </>
  );
  if (!record.final) {
    return <div className="jgp-plain">{summary}</div>;
  }
  return (
    <details>
      <summary>{summary}</summary>
      <div className="jgp-details" tabIndex={0}>
        <Shares words={words} record={record} />
        {record.trace ? <Course words={words} trace={record.trace} /> : null}
        <Devices words={words} record={record} />
        <dl>
          {facts(words, record).map(([term, said]) => (
            <Fragment key={term}>
              <dt>{term}</dt>
              <dd>
                <Pieces said={said} />
              </dd>
            </Fragment>
          ))}
        </dl>
        <Copies words={words} record={record} />
      </div>
    </details>
  );
}

const ROLES: { [name in IconName]?: 'run' | 'bad' } = {
  running: 'run',
  error: 'bad',
  killed: 'bad'
};

function sign(record: IRecord): IconName | null {
  if (!record.final) {
    return 'running';
  }
  return record.status !== 'ok'
    ? record.status
    : record.components.some(attributed)
      ? 'about'
      : null;
}

function Copies({
  words,
  record
}: {
  words: Words;
  record: IRecord;
}): JSX.Element {
  const { trans } = words;
  const [said, setSaid] = React.useState('');
  const button = (label: string, text: () => string): JSX.Element => (
    <Button
      quiet
      onClick={() =>
        void copied(text()).then(done => setSaid(afterCopy(words, done)))
      }
    >
      {label}
    </Button>
  );
  return (
    <div className="jgp-copies">
      {button(trans.__('Copy for a message'), () => message(words, record))}{' '}
      {button(trans.__('Copy for a model card'), () => card(words, record))}{' '}
      <span role="status">{said}</span>
    </div>
  );
}
