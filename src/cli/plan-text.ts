// A plan in words, before it is carried out: what would run, what would be lost. Called by upgrade, downgrade and show.
import type { Loss } from '../engine/losses/losses.ts';
import type { Plan, PlannedTransaction } from './database.ts';
import { counted, type Terminal } from './terminal.ts';

/** `001_users → 003_tags, 2 migrations`. */
export function planHeadline(plan: Plan): string {
  const { from, to, direction, versions } = plan;
  if (direction === 'None') return `Nothing to do: the database is at ${from ?? 'empty'}.`;
  if (from === to) return `At ${from ?? 'empty'}: ${counted(versions.length, 'repeatable migration')} to run`;
  const verb = direction === 'Up' ? 'Upgrade' : 'Downgrade';
  return `${verb} from ${from ?? 'empty'} to ${to ?? 'empty'}: ${counted(versions.length, 'migration')}`;
}

/** Says what would run, what would be lost and what is worth noting, on standard error. */
export function sayPlan(terminal: Terminal, plan: Plan): void {
  terminal.say(terminal.noted('bold', planHeadline(plan)));
  for (const note of plan.notes) terminal.say(terminal.noted('dim', `note: ${note}`));
  for (const loss of plan.losses) terminal.say(terminal.noted('warn', `loses: ${lossText(loss)}`));
}

/** One loss for a person, with how much. */
export function lossText({ version, kind, name, rows }: Loss): string {
  switch (kind) {
    case 'Table':
      return `table ${name} with ${rows === null ? 'an unknown number of rows' : counted(rows, 'row')} (${version})`;
    case 'Column':
      return `column ${name} with ${rows === null ? 'an unknown number of values' : counted(rows, 'value')} (${version})`;
    case 'Narrowing':
      return `a part of ${name} in ${rows === null ? 'an unknown number of rows' : counted(rows, 'row')} (${version})`;
    case 'Statement':
      return `what ${name} changes, which cannot be counted`;
  }
}

/** A transaction as SQL; what is done already, or may be, as a comment, so that nobody runs it a second time with the rest. */
export function transactionLines(
  { kind, state, statements }: PlannedTransaction,
  dim: (line: string) => string,
): readonly string[] {
  const written = (sql: string) => (state === 'ToRun' ? sql : dim(sql.replaceAll(/^/gm, '-- ')));
  const lines = statements.flatMap(({ version, line, text }) => [
    dim(`-- ${version}, line ${line}`),
    written(`${text.replace(/;\s*$/, '')};`),
  ]);
  switch (state) {
    case 'Done':
      return [dim('-- done by an earlier attempt, and not run again:'), ...lines];
    case 'Begun':
      return [
        dim('-- begun by an earlier attempt, and run again only if the catalogue shows that it was not done:'),
        ...lines,
      ];
    case 'ToRun':
      return kind === 'Transaction'
        ? [dim('BEGIN;'), ...lines, dim('COMMIT;')]
        : [dim('-- outside a transaction:'), ...lines];
  }
}

/** The plan as data. */
export function planData(plan: Plan) {
  const { from, to, direction, versions, losses, notes } = plan;
  return { from, to, direction, versions, losses, notes };
}
