// Tables: made whole, with those constraints that CREATE TABLE can say; partitions made as tables and attached when their
// indexes are there, so that every name is the one that was found. Dropping one says that it destroys data.
import {
  changeColumn,
  columnSql,
  finishColumn,
  hasGoneDefault,
  optionClauses,
  optionsOf,
  remakeDefault,
  writtenOptions,
} from './columns.ts';
import { inlineConstraints } from './constraints.ts';
import type { Draft, Piece } from './draft.ts';
import { has, type Item, keyOf, list, ownName, tableOf, text } from './items.ts';

export function writeTables(draft: Draft, serverMajor: number): void {
  const { dropped, added, changed } = draft.change;
  for (const table of dropped.filter(item => item.kind === 'table')) dropTable(draft, table);
  for (const table of added.filter(item => item.kind === 'table')) createTable(draft, table);
  for (const { from, to } of changed.filter(one => one.to.kind === 'table')) changeTable(draft, from, to);
  for (const column of dropped.filter(item => isOfTable(draft, item, 'before'))) dropColumn(draft, column);
  const fresh = added.filter(item => isOfTable(draft, item, 'after') && !isNew(draft, tableOf(item)));
  for (const column of fresh.toSorted(byPosition)) addColumn(draft, column);
  for (const { from, to } of changed.filter(one => isOfTable(draft, one.to, 'after')))
    changeColumn(draft, from, to, serverMajor);
  const isKept = (item: Item) => !draft.change.isGone(item) && !changed.some(one => one.from === item);
  for (const column of draft.change.before.of('column').filter(item => hasGoneDefault(draft, item))) {
    if (isOfTable(draft, column, 'after') && isKept(column)) remakeDefault(draft, column);
  }
  tellMoved(draft);
}

/** A column comes last, wherever it stands in the schema that is wanted. */
function tellMoved(draft: Draft): void {
  const { before, after, isGone } = draft.change;
  for (const relation of [...after.of('table'), ...after.of('composite type')]) {
    const old = before.get(keyOf(relation));
    const inherited = parentsColumns(draft, relation);
    const wanted = after
      .columns(relation.name)
      .map(column => column.name)
      .filter(name => !inherited.has(name));
    const kept =
      old === undefined || isGone(old)
        ? []
        : before
            .columns(relation.name)
            .filter(column => !isGone(column) && after.has(column) && !inherited.has(column.name))
            .map(column => column.name);
    const made = [...kept, ...wanted.filter(name => !kept.includes(name))];
    if (made.join() === wanted.join()) continue;
    const moved = wanted.filter((name, index) => made[index] !== name).map(name => `column ${name}`);
    draft.remark(
      `The order of the columns will be another (a new one always comes last): ${moved.join(', ')}. To have it, make the ${relation.kind} anew.`,
    );
  }
}

/** Columns that a child has of its parents, before or after: where they stand among its own is no difference. */
function parentsColumns({ change }: Draft, table: Item): ReadonlySet<string> {
  const names = [change.before, change.after].flatMap(items => {
    const side = items.get(keyOf(table));
    if (text(side, 'partitionBound') !== '') return [];
    return list(side, 'inherits').flatMap(parent => items.columns(parent).map(ownName));
  });
  return new Set(names.map(name => `${table.name}.${name}`));
}

const byPosition = (a: Item, b: Item) => Number(a.properties.position) - Number(b.properties.position);

function isOfTable({ change }: Draft, item: Item, side: 'before' | 'after'): boolean {
  return item.kind === 'column' && change[side].relation(tableOf(item))?.kind === 'table';
}

const isNew = ({ change }: Draft, table: string): boolean => {
  const old = change.before.get(`table ${table}`);
  return old === undefined || change.isGone(old);
};

const alter = (draft: Draft, stage: Piece['stage'], table: Item, clause: string, more: Partial<Piece> = {}) =>
  draft.write(stage, `ALTER TABLE ${table.name} ${clause}`, more);

function dropTable(draft: Draft, table: Item): void {
  draft.claim(table);
  const { before } = draft.change;
  const notes = [`Destroys data: every row of ${table.name}.`, ...renamedTable(draft, table)];
  const needs = [
    ...before.on(table.name, 'constraint').map(item => text(item, 'definition')),
    ...list(table, 'inherits'),
  ];
  draft.write('drop tables', `DROP TABLE ${table.name}`, { notes, names: [table.name], needs: needs.join(' ') });
  // Of two tables that refer to each other neither can go first; a foreign key less does no harm.
  for (const key of before.on(table.name, 'constraint').filter(isForeignKey)) {
    if (refersBack(draft, table.name, key)) {
      draft.write('drop what hangs on others', `ALTER TABLE ${table.name} DROP CONSTRAINT ${ownName(key)}`);
    }
  }
}

const isForeignKey = (item: Item) => text(item, 'definition').startsWith('FOREIGN KEY') && !has(item, 'inherited');
const targetOf = (key: Item) => /REFERENCES (.*?)\(/.exec(text(key, 'definition'))?.[1] ?? '';

function refersBack({ change }: Draft, table: string, key: Item): boolean {
  const seen = new Set<string>();
  const reaches = (name: string): boolean => {
    if (name === table) return true;
    if (seen.has(name)) return false;
    seen.add(name);
    return change.before.on(name, 'constraint').filter(isForeignKey).map(targetOf).some(reaches);
  };
  return targetOf(key) !== table && reaches(targetOf(key));
}

function renamedTable({ change }: Draft, table: Item): readonly string[] {
  const shape = (items: typeof change.before, name: string) =>
    items
      .columns(name)
      .map(column => `${ownName(column)} ${text(column, 'type')}`)
      .sort()
      .join();
  const like = change.added.filter(
    item => item.kind === 'table' && shape(change.after, item.name) === shape(change.before, table.name),
  );
  return like.map(
    other =>
      `${other.name} below has the same columns. If it is this one renamed, rename it instead of the DROP and the CREATE.`,
  );
}

const CREATED = ['options', 'toastOptions', 'unlogged', 'inherits', 'partitionKey', 'partitionBound', 'ofType'];

function createTable(draft: Draft, table: Item): void {
  const { after } = draft.change;
  const parents = list(table, 'inherits');
  const isPartition = text(table, 'partitionBound') !== '';
  const columns = after.columns(table.name);
  const ofType = text(table, 'ofType');
  const isWritten = (column: Item) => ofType === '' && (isPartition || !has(column, 'inherited'));
  for (const column of columns) finishColumn(draft, column);
  const lines = [
    ...columns.filter(isWritten).map(column => columnSql(after, column)),
    ...inlineConstraints(draft, table, isPartition ? 'Partition' : 'Table'),
  ];
  const body = lines.length === 0 ? '()' : `(\n  ${lines.join(',\n  ')}\n)`;
  const key = text(table, 'partitionKey');
  const options = optionsOf(table);
  const sql = [
    `CREATE ${has(table, 'unlogged') ? 'UNLOGGED ' : ''}TABLE ${table.name}`,
    ofType === '' ? body : `OF ${ofType}${lines.length === 0 ? '' : ` ${body}`}`,
    !isPartition && parents.length > 0 ? `INHERITS (${parents.join(', ')})` : '',
    key === '' ? '' : `PARTITION BY ${key}`,
    options.length === 0 ? '' : `WITH (${writtenOptions(options)})`,
  ];
  const needs = `${sql.join(' ')} ${parents.join(' ')}`;
  draft.write('tables', sql.filter(part => part !== '').join(' '), { names: [table.name], needs });
  if (ofType !== '') for (const column of columns) adjust(draft, column, undefined);
  if (!isPartition && parents.length > 0) {
    for (const column of columns.filter(one => has(one, 'inherited'))) adjust(draft, column, parents);
  }
  if (isPartition) {
    const clause = `ATTACH PARTITION ${table.name} ${text(table, 'partitionBound')}`;
    draft.write('partitions', `ALTER TABLE ${parents[0]} ${clause}`);
  }
  draft.claimOf(table, ...CREATED);
  writeFlags(draft, undefined, table);
}

/** A column that comes from a parent or a type, and is more than that says. */
function adjust(draft: Draft, column: Item, parents: readonly string[] | undefined): void {
  const { after } = draft.change;
  const from = (parents ?? []).flatMap(parent => after.columns(parent)).find(one => ownName(one) === ownName(column));
  const clause = (what: string) =>
    draft.write('columns', `ALTER TABLE ${tableOf(column)} ALTER COLUMN ${ownName(column)} ${what}`);
  const fallback = text(column, 'default');
  if (text(column, 'generated') === '' && fallback !== text(from, 'default')) {
    clause(fallback === '' ? 'DROP DEFAULT' : `SET DEFAULT ${fallback}`);
  }
  if (has(column, 'notNull') && !has(from, 'notNull')) clause('SET NOT NULL');
}

/** Row security, replica identity: what no CREATE TABLE says. */
function writeFlags(draft: Draft, from: Item | undefined, to: Item): void {
  const is = (property: string) => has(from, property) !== has(to, property);
  const late = 'what hangs on others';
  if (is('rowSecurity')) alter(draft, late, to, `${has(to, 'rowSecurity') ? 'ENABLE' : 'DISABLE'} ROW LEVEL SECURITY`);
  if (is('rowSecurityForced')) {
    alter(draft, late, to, `${has(to, 'rowSecurityForced') ? '' : 'NO '}FORCE ROW LEVEL SECURITY`);
  }
  const identity = text(to, 'replicaIdentity');
  if (identity !== text(from, 'replicaIdentity')) {
    // An index is named by who writes it.
    if (identity !== 'index') alter(draft, late, to, `REPLICA IDENTITY ${identity.toUpperCase() || 'DEFAULT'}`);
  }
  draft.claimOf(to, 'rowSecurity', 'rowSecurityForced', 'replicaIdentity');
}

function changeTable(draft: Draft, from: Item, to: Item): void {
  for (const clause of optionClauses(optionsOf(from), optionsOf(to))) alter(draft, 'columns', to, clause);
  if (has(from, 'unlogged') !== has(to, 'unlogged')) {
    const notes = ['Writes the whole table anew, under a lock.'];
    alter(draft, 'columns', to, `SET ${has(to, 'unlogged') ? 'UNLOGGED' : 'LOGGED'}`, { notes });
  }
  draft.claimOf(to, 'options', 'toastOptions', 'unlogged');
  const isPartition = [from, to].some(side => text(side, 'partitionBound') !== '');
  if (!isPartition) {
    const [old, now] = [list(from, 'inherits'), list(to, 'inherits')];
    for (const parent of old.filter(name => !now.includes(name))) {
      alter(draft, 'drop what hangs on others', to, `NO INHERIT ${parent}`);
    }
    for (const parent of now.filter(name => !old.includes(name))) alter(draft, 'constraints', to, `INHERIT ${parent}`);
    draft.claimOf(to, 'inherits');
    const parts = [...draft.change.after.columns(to.name), ...draft.change.after.on(to.name, 'constraint')];
    // What once was a column of its own stays one beside the parent's.
    if (old.join() !== now.join()) {
      for (const part of parts.filter(one => !has(one, 'inherited'))) draft.claimOf(part, 'inherited');
    }
  }
  writeFlags(draft, from, to);
}

function dropColumn(draft: Draft, column: Item): void {
  draft.claim(column);
  const table = tableOf(column);
  if (has(column, 'inherited')) return;
  const sql = `ALTER TABLE ${table} DROP COLUMN ${ownName(column)}`;
  if (text(column, 'generated') !== '') {
    const notes = draft.change.after.has(column) ? ['Computed anew below: what it is computed from changes.'] : [];
    draft.write('drop generated columns', sql, { notes });
    return;
  }
  draft.write('drop tables', sql, {
    notes: [`Destroys data: every value of ${column.name}.`, ...renamedColumn(draft, column)],
  });
}

function renamedColumn({ change }: Draft, column: Item): readonly string[] {
  const table = tableOf(column);
  const like = change.added.filter(
    item => item.kind === 'column' && tableOf(item) === table && text(item, 'type') === text(column, 'type'),
  );
  return like.flatMap(other => [
    `${ownName(other)} below has the same type. If it is this one renamed, write instead of the DROP and the ADD:`,
    `  ALTER TABLE ${table} RENAME COLUMN ${ownName(column)} TO ${ownName(other)};`,
  ]);
}

function addColumn(draft: Draft, column: Item): void {
  if (!has(column, 'inherited')) writeColumn(draft, column);
  finishColumn(draft, column);
}

function writeColumn(draft: Draft, column: Item): void {
  const table = tableOf(column);
  const isFilled = ['default', 'identity', 'generated'].some(property => text(column, property) !== '');
  const notes =
    has(column, 'notNull') && !isFilled
      ? ['Fails if the table has rows: give it a DEFAULT, or add it without NOT NULL and fill it first.']
      : [];
  const sql = `ALTER TABLE ${table} ADD COLUMN ${columnSql(draft.change.after, column)}`;
  draft.write(text(column, 'generated') === '' ? 'columns' : 'generated columns', sql, { notes, names: [table] });
}
