// A snapshot of a SQLite schema: every object of the user's as (kind, name, definition), sorted, in the shape that the
// PostgreSQL snapshot has, so that one comparison serves both. What SQLite keeps as text is compared by its tokens: white
// space, comments and the case of keywords are no part of a schema. Reads only.
import type { SnapshotEntry } from '../../schema/snapshot.ts';
import { quotedName, type SqliteConnection, type SqliteRow } from './connection.ts';
import { OWN_PREFIX } from './ledger.ts';
import { keyword, type Token, tokensOf } from './tokens.ts';

/** Reads every object but SQLite's own and the ledger's. */
export function readSqliteSnapshot(connection: SqliteConnection): readonly SnapshotEntry[] {
  const objects = connection.query(
    `SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
      AND tbl_name NOT IN ('migrate_ledger', 'migrate_state', 'migrate_audit', 'migrate_repeatable') ORDER BY 1, 2`,
  );
  return objects.flatMap(object => entriesOf(connection, object)).sort(byText);
}

function entriesOf(
  connection: SqliteConnection,
  { type, name, tbl_name: table, sql }: SqliteRow,
): readonly SnapshotEntry[] {
  const text = String(sql ?? '');
  if (type !== 'table') return [entry(String(type), String(name), { on: table, definition: normalized(text) })];
  const quoted = quotedName(String(name));
  const columns = connection.query(`PRAGMA table_xinfo(${quoted})`);
  const keys = connection.query(`PRAGMA foreign_key_list(${quoted})`);
  return [
    entry('table', String(name), tableExtras(text)),
    ...columns.map(column => columnEntry(String(name), column)),
    ...foreignKeys(String(name), keys),
  ];
}

const GENERATED = new Set([2, 3]);

function columnEntry(table: string, row: SqliteRow): SnapshotEntry {
  return entry('column', `${table}.${row.name}`, {
    type: String(row.type).toUpperCase(),
    notNull: row.notnull === 1,
    default: row.dflt_value,
    primaryKey: row.pk,
    generated: GENERATED.has(Number(row.hidden)),
  });
}

function foreignKeys(table: string, rows: readonly SqliteRow[]): readonly SnapshotEntry[] {
  const byId = Map.groupBy(rows, row => Number(row.id));
  return [...byId.values()].map(parts => {
    const ordered = parts.toSorted((a, b) => Number(a.seq) - Number(b.seq));
    const columns = ordered.map(part => part.from).join(', ');
    const [first] = ordered;
    return entry('foreign key', `${table} (${columns})`, {
      table,
      to: first?.table,
      columns: ordered.map(part => part.to),
      onUpdate: first?.on_update,
      onDelete: first?.on_delete,
    });
  });
}

/** What no PRAGMA tells: checks, generated expressions, collations, uniqueness, and the options behind the columns. */
function tableExtras(sql: string): Readonly<Record<string, unknown>> {
  const tokens = tokensOf(sql);
  const groups = (word: string) =>
    tokens.flatMap((token, index) => (keyword(token) === word ? [groupAfter(tokens, index)] : []));
  const after = (word: string) =>
    tokens.flatMap((token, index) => (keyword(token) === word ? [keyword(tokens[index + 1])] : []));
  const isVirtual = keyword(tokens[1]) === 'VIRTUAL';
  const last = tokens.findLastIndex(token => token.text === ')');
  return {
    checks: groups('CHECK').sort(),
    generated: groups('AS')
      .filter(text => text.startsWith('('))
      .sort(),
    collations: after('COLLATE'),
    unique: groups('UNIQUE').sort(),
    options: spelled(tokens.slice(last + 1)),
    ...(tokens.some(token => keyword(token) === 'AUTOINCREMENT') ? { autoincrement: true } : {}),
    ...(isVirtual ? { virtual: spelled(tokens.slice(2)) } : {}),
  };
}

/** The parenthesised group that follows a word, as text; empty where none follows. */
function groupAfter(tokens: readonly Token[], index: number): string {
  if (tokens[index + 1]?.text !== '(') return '';
  let depth = 0;
  for (let at = index + 1; at < tokens.length; at += 1) {
    if (tokens[at]?.text === '(') depth += 1;
    if (tokens[at]?.text === ')') depth -= 1;
    if (depth === 0) return spelled(tokens.slice(index + 1, at + 1));
  }
  return spelled(tokens.slice(index + 1));
}

/** What counts of a text: its tokens, words in lower case. */
export function normalized(sql: string): string {
  return spelled(tokensOf(sql));
}

export function spelled(tokens: readonly Token[]): string {
  return tokens.map(token => (token.kind === 'word' ? token.text.toLowerCase() : token.text)).join(' ');
}

function entry(kind: string, name: string, definition: Readonly<Record<string, unknown>>): SnapshotEntry {
  return { kind, name, definition: JSON.stringify(definition) };
}

function byText(a: SnapshotEntry, b: SnapshotEntry): number {
  const [left, right] = [`${a.kind}\0${a.name}`, `${b.kind}\0${b.name}`];
  return left < right ? -1 : left > right ? 1 : 0;
}

/** The user's tables, for "tables and no ledger". */
export function userTables(connection: SqliteConnection): readonly string[] {
  return connection
    .query(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
    )
    .map(row => String(row.name))
    .filter(name => !name.startsWith(OWN_PREFIX));
}
