/**
 * Budgets: one bar each, and the form to change them.
 *
 * The text on usage is the kernel's own sentence, the same that it prints; only the bar is drawn here. An exhausted
 * budget offers to override it with a reason or to change it.
 */
import * as React from 'react';
import { h } from '../jsx';
import { Bar } from '../charts/bar';
import { cut } from '../charts/stack';
import { dayAndTime } from '../format/time';
import { Icon } from '../icons';
import type { BudgetRequest, IBudget } from '../tokens';
import { Button } from './button';
import type { IPanelContext } from './panelContext';
import { NameForm } from './nameForm';

/** Share of the budget from which on it warns. */
const WARNING_SHARE = 0.8;

/** The open form: that of a budget by its period, that of a new one, or none. */
export type Form = IBudget['per'] | 'new' | null;

export function Budgets({
  context,
  form,
  onForm
}: {
  context: IPanelContext;
  form: Form;
  onForm: (form: Form) => void;
}): JSX.Element | null {
  const { state, messages, actions, perform } = context;
  const { trans } = messages;
  const { budgets } = state;
  const requestChange = (request: BudgetRequest): void =>
    perform(async () => {
      const answer = await actions.changeBudget(request);
      if (answer.ok) {
        onForm(null);
      }
      return answer;
    });
  return budgets.length === 0 && form === null ? null : (
    <section
      className="jgp-sec jgp-budgets"
      aria-label={trans.__('Budgets')}
      data-testid="green-budgets"
    >
      {budgets.map(budget => (
        <div key={budget.id} data-state={budget.state}>
          <BudgetStatus context={context} budget={budget} />
          {form === budget.per ? (
            <Fields
              context={context}
              budget={budget}
              onRequest={requestChange}
              onForm={onForm}
            />
          ) : (
            <div className="jgp-act">
              <Button quiet onClick={() => onForm(budget.per)}>
                {trans.__('Change…')}
              </Button>
            </div>
          )}
          {budget.state === 'held' ? (
            <NameForm
              label={trans.__('Why cells may run anyway')}
              submit={trans.__('Override')}
              onSubmit={reason => requestChange({ action: 'override', reason })}
            />
          ) : null}
        </div>
      ))}
      {form === 'new' ? (
        <Fields context={context} onRequest={requestChange} onForm={onForm} />
      ) : null}
    </section>
  );
}

function BudgetStatus({
  context: { messages },
  budget
}: {
  context: IPanelContext;
  budget: IBudget;
}): JSX.Element {
  const { trans } = messages;
  const { share, state, until } = budget;
  const scale = Math.max(1, share);
  const used = {
    kind: 'other',
    quality: budget.quality ?? 'estimated',
    share: share / scale
  } as const;
  const name = trans.__('Budget of %1', budget.name);
  const stateText = {
    open: '',
    warned: trans.__('nearly used up'),
    held: trans.__('blocked'),
    lifted: trans.__('overridden')
  }[state];
  const end =
    until === null
      ? ''
      : trans.__('until %1', dayAndTime(until, Date.now() / 1000, trans));
  return (
    <div>
      <div className="jgp-lr">
        <span>
          {state === 'warned' || state === 'held' ? (
            <Icon name="warning" role="over" />
          ) : null}
          {name}
        </span>
        <span className="jgp-muted">
          {[stateText, end].filter(each => each !== '').join(', ')}
        </span>
      </div>
      <Bar
        segments={cut([used], 1 / scale)}
        ticks={[{ at: WARNING_SHARE / scale, dashed: true }, { at: 1 / scale }]}
        label={`${name}: ${budget.used}`}
      />
      <p className="jgp-say">{budget.used}</p>
      {budget.note === null ? null : (
        <p className="jgp-say jgp-muted">{budget.note}</p>
      )}
    </div>
  );
}

/** Amount, period and purpose of a budget. */
function Fields({
  context: { messages },
  budget,
  onRequest,
  onForm
}: {
  context: IPanelContext;
  budget?: IBudget;
  onRequest: (request: BudgetRequest) => void;
  onForm: (form: Form) => void;
}): JSX.Element {
  const { trans } = messages;
  const [per, setPer] = React.useState<IBudget['per']>(budget?.per ?? 'day');
  const [covers, setCovers] = React.useState<IBudget['covers']>(
    budget?.covers ?? 'all'
  );
  return (
    <NameForm
      label={trans.__('Amount, such as 50 Wh')}
      initial={budget?.amount}
      submit={trans.__('Set budget')}
      cancel={trans.__('Cancel')}
      onSubmit={amount => onRequest({ action: 'set', per, amount, covers })}
      onCancel={() => onForm(null)}
    >
      {budget ? null : (
        <Select
          label={trans.__('Period or scope')}
          value={per}
          names={{
            day: trans.__('per day'),
            week: trans.__('per week'),
            month: trans.__('per month'),
            notebook: trans.__('this notebook'),
            project: trans.__('this project')
          }}
          onChange={setPer}
        />
      )}
      <Select
        label={trans.__('Cells counted')}
        value={covers}
        names={{
          inference: trans.__('inference'),
          training: trans.__('training'),
          all: trans.__('every cell')
        }}
        onChange={setCovers}
      />
      {budget ? (
        <Button quiet onClick={() => onRequest({ action: 'clear', per })}>
          {trans.__('Clear')}
        </Button>
      ) : null}
    </NameForm>
  );
}

function Select<K extends string>({
  label,
  value,
  names,
  onChange
}: {
  label: string;
  value: K;
  names: Readonly<Record<K, string>>;
  onChange: (value: K) => void;
}): JSX.Element {
  return (
    <select
      aria-label={label}
      value={value}
      onChange={event => onChange(event.currentTarget.value as K)}
    >
      {(Object.keys(names) as K[]).map(each => (
        <option key={each} value={each}>
          {names[each]}
        </option>
      ))}
    </select>
  );
}
