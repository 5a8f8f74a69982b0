// A table of SQLite that has changed: columns that ALTER TABLE can add at the end or drop, or the recipe by which the table is
// made anew (https://www.sqlite.org/lang_altertable.html#otheralter), for a person to finish. Pure.
import { quotedName } from '../../../engine/sqlite/connection.ts';
import type { SqliteObject } from './objects.ts';
import { type ColumnText, type TableText, type TextPart, tableText } from './table-text.ts';

/** A statement, or what is said instead of one. */
export interface Told {
  readonly piece: { readonly sql: string; readonly notes: readonly string[] } | undefined;
  readonly remarks: readonly string[];
}

export function changeTable(from: SqliteObject, to: SqliteObject, all: readonly SqliteObject[]): readonly Told[] {
  const [old, now] = [tableText(from.sql), tableText(to.sql)];
  if (old === undefined || now === undefined) {
    const remark = `table ${to.name}: a virtual table is changed by dropping and making it. It is now:\n${to.sql};`;
    return [{ piece: undefined, remarks: [remark] }];
  }
  const gone = old.columns.filter(column => !hasColumn(now, column.name));
  const added = now.columns.filter(column => !hasColumn(old, column.name));
  if (!isOnlyColumns(old, now, gone, added)) return [{ piece: undefined, remarks: [recipe(to, old, now, all)] }];
  return [...added.map(column => add(to.name, column)), ...gone.map(column => drop(to.name, column, added))];
}

const hasColumn = ({ columns }: TableText, name: string) =>
  columns.some(column => column.name.toLowerCase() === name.toLowerCase());

/** Whether the new columns stand last, and everything else is as it was. */
function isOnlyColumns(
  old: TableText,
  now: TableText,
  gone: readonly ColumnText[],
  added: readonly ColumnText[],
): boolean {
  const kept = old.columns.filter(column => !gone.includes(column));
  const wanted = [...kept, ...added];
  const same = (one: readonly TextPart[], other: readonly TextPart[]) =>
    one.map(part => part.meaning).join('\0') === other.map(part => part.meaning).join('\0');
  return same(wanted, now.columns) && same(old.constraints, now.constraints) && old.options === now.options;
}

function add(table: string, column: ColumnText): Told {
  const { words } = column;
  const fallback = words.indexOf('DEFAULT');
  const value = fallback < 0 ? '' : (words[fallback + 1] ?? '');
  const isEmpty = words.includes('NOT') && (fallback < 0 || value === 'NULL') && !words.includes('AS');
  const isComputed = value === '(' || value.startsWith('CURRENT_');
  const notes =
    isEmpty || isComputed
      ? ['SQLite refuses it where the table has rows: give it a constant DEFAULT, or make the table anew.']
      : [];
  return { piece: { sql: `ALTER TABLE ${quotedName(table)} ADD COLUMN ${column.text}`, notes }, remarks: [] };
}

function drop(table: string, column: ColumnText, added: readonly ColumnText[]): Told {
  const typeOf = (one: ColumnText) => one.meaning.split(' ').slice(1).join(' ');
  const like = added.filter(other => typeOf(other) === typeOf(column));
  const [name, other] = [quotedName(table), quotedName(column.name)];
  const notes = [
    `Destroys data: every value of ${table}.${column.name}.`,
    ...like.flatMap(one => [
      `${one.name} above is of the same kind. If it is this one renamed, write instead of the ADD and the DROP:`,
      `  ALTER TABLE ${name} RENAME COLUMN ${other} TO ${quotedName(one.name)};`,
    ]),
  ];
  return { piece: { sql: `ALTER TABLE ${name} DROP COLUMN ${other}`, notes }, remarks: [] };
}

function recipe(to: SqliteObject, old: TableText, now: TableText, all: readonly SqliteObject[]): string {
  const kept = now.columns.filter(column => hasColumn(old, column.name) && !column.words.includes('GENERATED'));
  const names = kept.map(column => quotedName(column.name)).join(', ');
  const fresh = quotedName(`${to.name}_new`);
  const standing = all.filter(one => (one.kind === 'index' || one.kind === 'trigger') && one.on === to.name);
  return [
    `table ${to.name}: SQLite cannot change it so by ALTER TABLE. The way is to make it anew; say where each value comes from`,
    'and take out what this file does to its indexes and triggers:',
    `  ${now.named(fresh)};`,
    `  INSERT INTO ${fresh} (${names}) SELECT ${names} FROM ${quotedName(to.name)};`,
    `  DROP TABLE ${quotedName(to.name)};`,
    `  ALTER TABLE ${fresh} RENAME TO ${quotedName(to.name)};`,
    ...standing.map(one => `  ${one.sql};`),
  ].join('\n');
}

/** Tables that are made and have the same columns: it may be this one under another name. */
export function renamedTable(table: SqliteObject, added: readonly SqliteObject[]): readonly string[] {
  const shape = (one: SqliteObject) =>
    tableText(one.sql)
      ?.columns.map(column => column.meaning)
      .join();
  return added
    .filter(other => shape(other) === shape(table))
    .map(
      other =>
        `${other.name} above has the same columns. If it is this one renamed: ALTER TABLE ${quotedName(table.name)} RENAME TO ${quotedName(other.name)};`,
    );
}
