// Constraints and indexes. An index that a constraint made comes and goes with it; what a partition or a child has of its
// parent's comes and goes with that. Foreign keys are added last, when the keys that they refer to are there.
import { optionClauses } from './columns.ts';
import { isTiedToTable } from './dependents.ts';
import type { Draft, Piece } from './draft.ts';
import { has, type Item, list, ownName, tableOf, text } from './items.ts';
import { plain, written } from './names.ts';
import { isOnlyValidated } from './remade.ts';

const RANK = ['PRIMARY KEY', 'UNIQUE', 'EXCLUDE', 'CHECK'];
const rankOf = (item: Item) => RANK.findIndex(word => text(item, 'definition').startsWith(word));
const isForeign = (item: Item) => text(item, 'definition').startsWith('FOREIGN KEY');
const isTrigger = (item: Item) => text(item, 'definition').startsWith('TRIGGER');
const isUnproven = (item: Item) => text(item, 'definition').endsWith(' NOT VALID');

/** The constraints that CREATE TABLE says, as its lines. A partition must have its parent's checks before it is attached. */
export function inlineConstraints(draft: Draft, table: Item, of: 'Partition' | 'Table'): readonly string[] {
  const own = draft.change.after.on(table.name, 'constraint').filter(item => isInline(draft, item, of));
  for (const item of own) claimConstraint(draft, item);
  return own
    .toSorted((a, b) => rankOf(a) - rankOf(b))
    .map(item => `CONSTRAINT ${ownName(item)} ${text(item, 'definition')}`);
}

function isInline(draft: Draft, item: Item, of: 'Partition' | 'Table'): boolean {
  if (isForeign(item) || isTrigger(item) || isUnproven(item)) return false;
  if (isTiedToTable(draft.change.after, item, () => true)) return false;
  return of === 'Partition' || !has(item, 'inherited');
}

function claimConstraint(draft: Draft, item: Item): void {
  draft.claimOf(item, 'table', 'domain', 'definition', 'inherited');
  const { after } = draft.change;
  const index = after.on(tableOf(item), 'index').find(one => after.constraintOf(one) === item);
  if (index === undefined) return;
  draft.claimOf(index, 'table', 'definition', 'partitionOf');
  setOptions(draft, index, [], optionsOf(index));
}

/** Storage parameters, which no definition of a constraint tells. */
function setOptions(draft: Draft, index: Item, from: readonly string[], to: readonly string[]): void {
  for (const clause of optionClauses(from, to)) draft.write('indexes', `ALTER INDEX ${index.name} ${clause}`);
}

const OPTIONS = / WITH \(([^()]*)\)(?= TABLESPACE | WHERE |$)/;

function optionsOf(index: Item): readonly string[] {
  const written = OPTIONS.exec(text(index, 'definition'))?.[1] ?? '';
  return written === '' ? [] : written.split(', ').map(option => option.replace(/'/g, ''));
}

export function writeConstraints(draft: Draft): void {
  const { dropped, changed, after, before, isGone } = draft.change;
  for (const item of dropped.filter(one => one.kind === 'constraint')) dropConstraint(draft, item);
  for (const item of draft.added('constraint')) {
    const table = before.get(`table ${tableOf(item)}`);
    const isOfNewTable = table === undefined || isGone(table);
    const made = after.get(`table ${tableOf(item)}`);
    const isPartition = text(made, 'partitionBound') !== '';
    const isSaid = made !== undefined && isOfNewTable && isInline(draft, item, isPartition ? 'Partition' : 'Table');
    if (!isSaid) addConstraint(draft, item);
  }
  for (const { from, to } of changed.filter(one => one.to.kind === 'constraint')) {
    if (!isOnlyValidated(from, to)) continue;
    draft.write('constraints', `${alterOf(to)} VALIDATE CONSTRAINT ${ownName(to)}`);
    draft.claimOf(to, 'definition');
  }
}

const alterOf = (item: Item): string =>
  text(item, 'domain') === '' ? `ALTER TABLE ${tableOf(item)}` : `ALTER DOMAIN ${text(item, 'domain')}`;

function dropConstraint(draft: Draft, item: Item): void {
  draft.claim(item);
  if (has(item, 'inherited')) return;
  const stage = isForeign(item) ? 'drop what hangs on others' : 'drop constraints';
  draft.write(stage, `${alterOf(item)} DROP CONSTRAINT ${ownName(item)}`);
}

function addConstraint(draft: Draft, item: Item): void {
  if (isTrigger(item)) {
    // CREATE CONSTRAINT TRIGGER makes both.
    draft.claim(item);
    return;
  }
  claimConstraint(draft, item);
  if (has(item, 'inherited')) return;
  const notes = isUnproven(item) || rankOf(item) < 0 ? [] : ['Fails if there are rows that do not keep it.'];
  const isOnTable = text(item, 'domain') === '';
  const isOld = isOnTable && draft.change.before.relation(tableOf(item)) !== undefined;
  const more = { notes: isOld ? notes : [], names: isOnTable ? [] : [text(item, 'domain')] };
  const stage = isForeign(item) ? 'foreign keys' : isOnTable ? 'constraints' : 'types';
  draft.write(stage, `${alterOf(item)} ADD CONSTRAINT ${ownName(item)} ${text(item, 'definition')}`, more);
}

export function writeIndexes(draft: Draft): void {
  const { dropped, changed } = draft.change;
  for (const item of dropped.filter(one => one.kind === 'index')) dropIndex(draft, item);
  for (const item of draft.added('index')) createIndex(draft, item);
  for (const { from, to } of changed.filter(one => one.to.kind === 'index')) finishIndex(draft, from, to);
}

function dropIndex(draft: Draft, item: Item): void {
  draft.claim(item);
  // The index of a partition goes with that of its parent.
  const parent = draft.change.before.get(`index ${text(item, 'partitionOf')}`);
  if (parent !== undefined && draft.change.isGone(parent)) return;
  draft.write('drop constraints', `DROP INDEX ${item.name}`);
}

function createIndex(draft: Draft, item: Item): void {
  const { after, before, isGone } = draft.change;
  if (after.constraintOf(item) === undefined) {
    draft.write('indexes', text(item, 'definition'), { names: [item.name] });
    draft.claimOf(item, 'table', 'definition');
  }
  const parent = text(item, 'partitionOf');
  if (parent !== '') {
    // With a table that is attached its indexes are; one of a partition that is there already has to be.
    const table = before.get(`table ${tableOf(item)}`);
    const isAttached = table !== undefined && !isGone(table) && text(table, 'partitionBound') !== '';
    // A key of the parent brings its partitions' keys.
    if (isAttached && after.constraintOf(item) === undefined)
      draft.write('partitions', `ALTER INDEX ${parent} ATTACH PARTITION ${item.name}`);
    draft.claimOf(item, 'partitionOf');
  }
  finishIndex(draft, undefined, item);
}

function finishIndex(draft: Draft, from: Item | undefined, to: Item): void {
  const bare = (item: Item) => text(item, 'definition').replace(OPTIONS, '');
  if (from !== undefined && draft.change.after.constraintOf(to) !== undefined && bare(from) === bare(to)) {
    setOptions(draft, to, optionsOf(from), optionsOf(to));
    draft.claimOf(to, 'definition');
  }
  const late: Piece['stage'] = 'what hangs on others';
  if (has(from, 'clustered') !== has(to, 'clustered')) {
    const own = ownPart(to.name);
    const clause = has(to, 'clustered') ? `CLUSTER ON ${own}` : 'SET WITHOUT CLUSTER';
    draft.write(late, `ALTER TABLE ${tableOf(to)} ${clause}`);
    draft.claimOf(to, 'clustered');
  }
  if (has(to, 'replicaIdentity') && !has(from, 'replicaIdentity')) {
    draft.write(late, `ALTER TABLE ${tableOf(to)} REPLICA IDENTITY USING INDEX ${ownPart(to.name)}`);
  }
  // One that no longer is gives way to another, or to what its table says.
  draft.claimOf(to, 'replicaIdentity');
  const before = list(from, 'statistics');
  const now = list(to, 'statistics');
  for (const one of now.filter(item => !before.includes(item))) {
    const [column, target] = one.split(':');
    draft.write(late, `ALTER INDEX ${to.name} ALTER COLUMN ${column} SET STATISTICS ${target}`);
  }
  if (before.every(item => now.some(other => other.split(':')[0] === item.split(':')[0])))
    draft.claimOf(to, 'statistics');
}

/** The name of an index without its schema. */
const ownPart = (name: string): string => written(plain(/(?:"(?:[^"]|"")*"|[^."]+)$/.exec(name)?.[0] ?? name));
