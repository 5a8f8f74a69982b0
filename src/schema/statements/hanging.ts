// What hangs on tables and views: triggers, rules, policies and statistics, and the event triggers of the database. A
// partition's copy of its parent's trigger comes and goes with that.
import { literal } from '../../engine/connection.ts';
import type { Draft } from './draft.ts';
import { type Item, type Items, list, ownName, tableOf, text } from './items.ts';

export function writeHanging(draft: Draft): void {
  const { dropped, changed } = draft.change;
  for (const item of dropped) dropHanging(draft, item);
  for (const item of draft.added(...KINDS)) createHanging(draft, item);
  for (const { from, to } of changed) {
    if (KINDS.has(to.kind)) changeHanging(draft, from, to);
  }
}

const KINDS = new Set(['trigger', 'rule', 'policy', 'statistics', 'event trigger']);
const LATE = 'what hangs on others';

function dropHanging(draft: Draft, item: Item): void {
  if (!KINDS.has(item.kind)) return;
  draft.claim(item);
  if (isCopy(draft.change.before, item)) return;
  const on = item.kind === 'statistics' || item.kind === 'event trigger' ? '' : ` ON ${tableOf(item)}`;
  const name = on === '' ? item.name : ownName(item);
  draft.write('drop what hangs on others', `DROP ${item.kind.toUpperCase()} ${name}${on}`);
}

/** Whether a partition has a trigger because its parent has it. */
function isCopy(items: Items, item: Item): boolean {
  if (item.kind !== 'trigger') return false;
  const table = items.get(`table ${tableOf(item)}`);
  if (text(table, 'partitionBound') === '') return false;
  return list(table, 'inherits').some(parent => items.get(`trigger ${parent}.${ownName(item)}`) !== undefined);
}

function createHanging(draft: Draft, item: Item): void {
  if (item.kind === 'policy') createPolicy(draft, item);
  else if (item.kind === 'event trigger') createEventTrigger(draft, item);
  else if (!isCopy(draft.change.after, item)) {
    draft.write(LATE, text(item, 'definition').replace(/;$/, ''), { names: [item.name] });
  }
  draft.claimOf(item, 'table', 'definition');
  setTarget(draft, undefined, item);
  fires(draft, undefined, item);
}

function setTarget(draft: Draft, from: Item | undefined, to: Item): void {
  const [old, now] = [from?.properties.target, to.properties.target];
  if (to.kind !== 'statistics' || old === now) return;
  draft.write(LATE, `ALTER STATISTICS ${to.name} SET STATISTICS ${now ?? -1}`);
  draft.claimOf(to, 'target');
}

const FIRES: Readonly<Record<string, string>> = {
  ...{ '': 'ENABLE', disabled: 'DISABLE', 'replica only': 'ENABLE REPLICA', always: 'ENABLE ALWAYS' },
};

function fires(draft: Draft, from: Item | undefined, to: Item): void {
  const how = text(to, 'fires');
  if (how === text(from, 'fires')) return;
  const words = FIRES[how];
  if (words === undefined) return;
  draft.claimOf(to, 'fires');
  if (to.kind === 'event trigger') draft.write(LATE, `ALTER EVENT TRIGGER ${to.name} ${words}`);
  else draft.write(LATE, `ALTER TABLE ${tableOf(to)} ${words} ${to.kind.toUpperCase()} ${ownName(to)}`);
}

function createPolicy(draft: Draft, policy: Item): void {
  const roles = list(policy, 'roles');
  const [using, check] = [text(policy, 'using'), text(policy, 'check')];
  const parts = [
    `CREATE POLICY ${ownName(policy)} ON ${tableOf(policy)}`,
    policy.properties.restrictive === true ? 'AS RESTRICTIVE' : '',
    text(policy, 'command') === 'all' ? '' : `FOR ${text(policy, 'command').toUpperCase()}`,
    roles.length === 1 && roles[0] === 'public' ? '' : `TO ${roles.join(', ')}`,
    using === '' ? '' : `USING (${using})`,
    check === '' ? '' : `WITH CHECK (${check})`,
  ];
  draft.write(LATE, parts.filter(part => part !== '').join(' '));
  draft.claimOf(policy, 'command', 'restrictive', 'roles', 'using', 'check');
}

function createEventTrigger(draft: Draft, item: Item): void {
  const tags = list(item, 'tags').map(tag => literal(tag).trim());
  const when = tags.length === 0 ? '' : ` WHEN TAG IN (${tags.join(', ')})`;
  const sql = `CREATE EVENT TRIGGER ${item.name} ON ${text(item, 'event')}${when} EXECUTE FUNCTION ${text(item, 'function')}`;
  draft.write(LATE, sql, { notes: ['Needs a superuser.'] });
  draft.claimOf(item, 'event', 'tags', 'function');
}

function changeHanging(draft: Draft, from: Item, to: Item): void {
  fires(draft, from, to);
  setTarget(draft, from, to);
  if (to.kind !== 'policy') return;
  const clauses = [
    JSON.stringify(list(from, 'roles')) === JSON.stringify(list(to, 'roles'))
      ? ''
      : `TO ${list(to, 'roles').join(', ')}`,
    changedTo(from, to, 'using', 'USING'),
    changedTo(from, to, 'check', 'WITH CHECK'),
  ].filter(clause => clause !== '');
  if (clauses.length === 0) return;
  draft.write(LATE, `ALTER POLICY ${ownName(to)} ON ${tableOf(to)} ${clauses.join(' ')}`);
  draft.claimOf(to, 'roles', ...['using', 'check'].filter(property => text(to, property) !== ''));
}

/** An expression that is to be gone cannot be said by ALTER: such a policy is made anew. */
function changedTo(from: Item, to: Item, property: string, words: string): string {
  const value = text(to, property);
  return value === text(from, property) || value === '' ? '' : `${words} (${value})`;
}
