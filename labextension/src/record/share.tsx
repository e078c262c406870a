/**
 * How the energy of a shared device was split: this kernel's part, that of others, and what idles for nobody.
 */
import { Fragment, h } from '../element';
import { energy } from '../format';
import type { Words } from '../words';
import { deviceName, part } from './name';
import { attributed, type IRecord } from './energy';

export function Shares({
  words,
  record
}: {
  words: Words;
  record: IRecord;
}): JSX.Element {
  const { trans } = words;
  return (
    <>
      {record.components.filter(attributed).map((each, index) => {
        const { joules: board, own_joules: own } = each;
        if (!(own >= 0 && own <= board && board > 0)) {
          return null;
        }
        const rest = board - own;
        const idle = each.idle_joules ?? -1;
        const split = idle >= 0 && idle <= rest;
        const block = energy(board, each.uncertainty, null, words.choice);
        const write = (joules: number): string => part(words, joules, block);
        const others = split ? rest - idle : rest;
        const shares: [look: string, joules: number, said: string][] = [
          [
            'jgp-gpu jgp-est',
            own,
            trans.__('this kernel %1, attributed', write(own))
          ],
          [
            'jgp-dram',
            others,
            split
              ? trans.__('others %1', write(others))
              : trans.__('others and idle %1', write(others))
          ]
        ];
        if (split) {
          shares.push([
            'jgp-other',
            idle,
            trans.__('idle %1, to nobody', write(idle))
          ]);
        }
        const label = trans.__(
          'Of %1 of %2: %3',
          write(board),
          deviceName(words, each),
          shares.map(([_look, _joules, said]) => said).join('; ')
        );
        return (
          <Fragment key={index}>
            <div
              className="jgp-bar jgp-mod-big"
              role="img"
              aria-label={label}
              title={label}
            >
              {shares.map(([look, joules]) => (
                <i
                  key={look}
                  className={look}
                  style={{ width: `${((100 * joules) / board).toFixed(1)}%` }}
                />
              ))}
            </div>
            <div className="jgp-key">
              {shares.map(([look, _, said]) => (
                <span key={look}>
                  <i className={`jgp-sw ${look}`} />
                  {said}
                </span>
              ))}
            </div>
          </Fragment>
        );
      })}
    </>
  );
}
