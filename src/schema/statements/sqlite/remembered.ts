// The objects of a SQLite schema as far as a snapshot remembers them, for when the files do not produce it: texts in lower
// case, tables put together from their parts. What a snapshot does not tell is answered too, to be told to a person. Pure.

import { isTree, type Tree } from '../../../engine/sql/tree.ts';
import { quotedName } from '../../../engine/sqlite/connection.ts';
import { normalized } from '../../../engine/sqlite/snapshot.ts';
import type { SnapshotEntry } from '../../snapshot.ts';
import type { SqliteObject } from './objects.ts';

export interface Remembered {
  readonly objects: readonly SqliteObject[];
  readonly unknown: readonly string[];
}

interface Entry {
  readonly kind: string;
  readonly name: string;
  readonly properties: Tree;
}

export function rememberedObjects(entries: readonly SnapshotEntry[]): Remembered {
  const all = entries.map(({ kind, name, definition }) => {
    const value: unknown = JSON.parse(definition);
    return { kind, name, properties: isTree(value) ? value : {} };
  });
  const tables = all.filter(one => one.kind === 'table');
  const others = ['index', 'view', 'trigger'].flatMap(kind => all.filter(one => one.kind === kind));
  return {
    objects: [
      ...tables.map(table => object('table', table.name, table.name, tableSql(table, all))),
      ...others.map(one =>
        object(one.kind as SqliteObject['kind'], one.name, textOf(one, 'on'), glued(textOf(one, 'definition'))),
      ),
    ],
    unknown: [...(tables.length === 0 ? [] : [ORDER]), ...tables.flatMap(unknownOf)],
  };
}

const object = (kind: SqliteObject['kind'], name: string, on: string, sql: string): SqliteObject => ({
  ...{ kind, name, on, sql, meaning: normalized(sql), made: 'Written' },
});

const textOf = ({ properties }: Entry, property: string): string => {
  const value = properties[property];
  return value === undefined || value === null ? '' : String(value);
};

const listOf = ({ properties }: Entry, property: string): readonly string[] => {
  const value = properties[property];
  return Array.isArray(value) ? value.map(String) : [];
};

/** The tokens of a text stand apart in a snapshot; an operator of several signs must not. */
function glued(text: string): string {
  return text.replaceAll(/- > >|[|] [|]|[<>!=] =|< >|< <|> >|- >/g, operator => operator.replaceAll(' ', ''));
}

function tableSql(table: Entry, all: readonly Entry[]): string {
  const virtual = textOf(table, 'virtual');
  if (virtual !== '') return `CREATE VIRTUAL ${glued(virtual)}`;
  const columns = all.filter(one => one.kind === 'column' && one.name.startsWith(`${table.name}.`));
  const keys = all.filter(one => one.kind === 'foreign key' && textOf(one, 'table') === table.name);
  const primary = columns
    .filter(one => Number(one.properties.primaryKey) > 0)
    .sort((a, b) => Number(a.properties.primaryKey) - Number(b.properties.primaryKey));
  const own = (column: Entry) => quotedName(column.name.slice(table.name.length + 1));
  const [only] = primary;
  const isSingle = primary.length === 1;
  const auto = table.properties.autoincrement === true ? ' AUTOINCREMENT' : '';
  const lines = [
    ...columns.map(
      column => `${columnSql(own(column), column)}${isSingle && column === only ? ` PRIMARY KEY${auto}` : ''}`,
    ),
    ...(primary.length > 1 ? [`PRIMARY KEY (${primary.map(own).join(', ')})`] : []),
    ...listOf(table, 'unique')
      .filter(group => group !== '')
      .map(group => `UNIQUE ${glued(group)}`),
    ...listOf(table, 'checks').map(check => `CHECK ${glued(check)}`),
    ...keys.map(key => foreignKeySql(table.name, key)),
  ];
  return `CREATE TABLE ${quotedName(table.name)} (\n  ${lines.join(',\n  ')}\n) ${glued(textOf(table, 'options'))}`.trim();
}

function columnSql(name: string, column: Entry): string {
  const fallback = textOf(column, 'default');
  const value = fallback === '' ? '' : `DEFAULT ${/^[\w'.+-]+$/.test(fallback) ? fallback : `(${fallback})`}`;
  return [name, textOf(column, 'type'), column.properties.notNull === true ? 'NOT NULL' : '', value]
    .filter(part => part !== '')
    .join(' ');
}

function foreignKeySql(table: string, key: Entry): string {
  const columns = key.name
    .slice(table.length + 2, -1)
    .split(', ')
    .map(quotedName);
  const targets = listOf(key, 'columns').filter(name => name !== '' && name !== 'null');
  const to = `${quotedName(textOf(key, 'to'))}${targets.length === 0 ? '' : ` (${targets.map(quotedName).join(', ')})`}`;
  const actions = [
    ['ON UPDATE', textOf(key, 'onUpdate')],
    ['ON DELETE', textOf(key, 'onDelete')],
  ].filter(([, action]) => action !== '' && action !== 'NO ACTION');
  return [`FOREIGN KEY (${columns.join(', ')}) REFERENCES ${to}`, ...actions.map(action => action.join(' '))].join(' ');
}

const ORDER = 'the snapshot does not tell in which order columns stand';

function unknownOf(table: Entry): readonly string[] {
  const what = [
    listOf(table, 'unique').includes('') ? 'which of its columns are UNIQUE by themselves' : '',
    listOf(table, 'collations').length > 0 ? 'which of its columns have a COLLATE' : '',
    listOf(table, 'generated').length > 0 ? 'which of its columns are generated' : '',
  ].filter(part => part !== '');
  return what.map(part => `table ${table.name}: the snapshot does not tell ${part}`);
}
