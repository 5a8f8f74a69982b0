// Reads what another tool says it applied to this database, and finds our files of those versions: what `baseline --from`
// takes over. Reads only; never guesses: a row without a file, or a file that was passed over, is an error with its name.
// Called by the CLI before baseline.ts writes.

import { orderOf } from '../../api/versions.ts';
import type { ImportedMigration } from '../baseline.ts';
import { type Connection, quoted, textOf } from '../connection.ts';
import { failure } from '../errors.ts';
import type { Source } from '../files.ts';
import type { Migration } from '../script.ts';
import { type Entry, TOOLS, type Told, type Tool, type ToolName } from './tools.ts';

export interface History {
  readonly from: ToolName;
  /** The table, with its schema. */
  readonly table: string;
  /** The highest version that the tool applied: its name among the files. */
  readonly version: string;
  readonly history: readonly ImportedMigration[];
}

/**
 * Finds the table of `from`, or of any tool, and matches its rows with the files. `asked` is the version that a person
 * named: needed for Alembic, whose names no file has; else it must be the one that the history says.
 * Throws HistoryMissing, HistoryUnsound or HistoryUnmatched.
 */
export async function readHistory(
  connection: Connection,
  source: Source,
  from: ToolName | 'auto',
  asked: string | undefined,
): Promise<History> {
  const { tool, schema } = await findTable(connection, from);
  const table = `${schema}.${tool.table}`;
  const rows = await connection.query(tool.query(`${quoted(schema)}.${quoted(tool.table)}`));
  const told = tool.tell(rows);
  const unsound = (reason: string) => failure('HistoryUnsound', { tool: tool.name, table, reason });
  if (told.trouble !== undefined) throw unsound(told.trouble);
  if (told.entries.length === 0) throw unsound('it has no row: nothing was applied by that tool');
  const history = told.extent === 'Opaque' ? opaque(told, source, asked, unsound) : matched(told, source, tool, table);
  const version = history.at(-1)?.version ?? '';
  if (asked !== undefined && asked !== version) {
    throw unsound(`it says that the database is at ${version}, and ${asked} was asked for`);
  }
  return { from: tool.name, table, version, history };
}

async function findTable(connection: Connection, from: ToolName | 'auto'): Promise<{ tool: Tool; schema: string }> {
  const wanted = TOOLS.filter(tool => from === 'auto' || tool.name === from);
  const rows = await connection.query(
    `SELECT n.nspname, c.relname, json_agg(a.attname)::text AS columns
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      WHERE c.relkind IN ('r', 'p') AND c.relname = ANY (SELECT pg_catalog.json_array_elements_text($1::json))
      GROUP BY 1, 2 ORDER BY 1, 2`,
    [JSON.stringify(wanted.map(tool => tool.table))],
  );
  const found = rows.flatMap(row => {
    const columns = new Set(JSON.parse(textOf(row, 'columns')) as readonly string[]);
    const tool = wanted.find(one => one.table === row.relname && one.columns.every(column => columns.has(column)));
    return tool === undefined ? [] : [{ tool, schema: textOf(row, 'nspname') }];
  });
  const [first, second] = found;
  if (first === undefined)
    throw failure('HistoryMissing', { tables: wanted.map(tool => `${tool.table} (${tool.name})`) });
  if (second === undefined) return first;
  const tables = found.map(({ tool, schema }) => `${schema}.${tool.table}`).join(', ');
  const reason = `there are several: ${tables}. Remove those that are not in use`;
  throw failure('HistoryUnsound', { tool: first.tool.name, table: first.tool.table, reason });
}

/** By Alembic's hash nothing can be found; a person says which file it stands for. */
function opaque(
  { entries }: Told,
  source: Source,
  asked: string | undefined,
  unsound: (reason: string) => Error,
): readonly ImportedMigration[] {
  const head = entries[0]?.name ?? '';
  if (asked === undefined) {
    throw unsound(
      `its head is ${head}, and no file can be told from that. Say which version it stands for: baseline <version> --from Alembic`,
    );
  }
  const last = source.migrations.findIndex(one => one.version === asked);
  if (last < 0) throw unsound(`there is no file of version ${asked}`);
  return source.migrations.slice(0, last + 1).map(({ version }) => ({ version, appliedAt: null, appliedBy: null }));
}

function matched({ entries, extent }: Told, source: Source, tool: Tool, table: string): readonly ImportedMigration[] {
  const files = filesByName(source);
  const rows = new Map<string, Entry>();
  const strangers: string[] = [];
  for (const entry of entries) {
    const file = files.get(keyOf(entry.name));
    if (file === undefined) strangers.push(entry.name);
    else rows.set(file.version, entry);
  }
  const highest = source.migrations.findLastIndex(one => rows.has(one.version));
  const upTo = source.migrations.slice(0, highest + 1);
  const passedOver = extent === 'Highest' ? [] : upTo.filter(one => !rows.has(one.version)).map(one => one.version);
  if (strangers.length > 0 || passedOver.length > 0) {
    throw failure('HistoryUnmatched', { tool: tool.name, table, strangers, passedOver });
  }
  return upTo.map(({ version }) => {
    const { appliedAt = null, appliedBy = null } = rows.get(version) ?? {};
    return { version, appliedAt, appliedBy };
  });
}

function filesByName(source: Source): ReadonlyMap<string, Migration> {
  return new Map(source.migrations.map(migration => [keyOf(migration.version), migration]));
}

/** Tools write a version now as a number, now as a file's name: `20240101`, `001`, `V1_2__users`. */
function keyOf(name: string): string {
  return String(orderOf(name) ?? name);
}
