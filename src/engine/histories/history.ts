// Reads what another tool says it applied to this database, and finds our files of those versions: what `baseline --from`
// takes over. Reads only; never guesses: a row without a file, or a file that was passed over, is an error with its name.
// Called by the CLI before baseline.ts, or on SQLite migrate.ts, writes.
//
//   const history = await readHistory(postgresHistories(connection), source, 'auto', undefined);
import { orderOf } from '../../api/versions.ts';
import type { ImportedHistory, ImportedMigration } from '../baseline.ts';
import { failure } from '../errors.ts';
import type { Source } from '../source/files.ts';
import type { Migration } from '../sql/script.ts';
import { flywayChecksum } from './flyway-checksum.ts';
import type { FoundTable, HistoryPlace } from './place.ts';
import { type Entry, TOOLS, type Told, type Tool, type ToolName } from './tools.ts';

export interface History extends ImportedHistory {
  readonly from: ToolName;
  /** The table, as messages name it. */
  readonly table: string;
  /** The highest version that the tool applied: its name among the files. */
  readonly version: string;
}

/**
 * Finds the table of `from`, or of any tool, and matches its rows with the files. `asked` is the version that a person
 * named: needed for Alembic, whose names no file has; else it must be the one that the history says.
 * Throws HistoryMissing, HistoryUnsound or HistoryUnmatched.
 */
export async function readHistory(
  place: HistoryPlace,
  source: Source,
  from: ToolName | 'auto',
  asked: string | undefined,
): Promise<History> {
  const { tool, found } = await findTable(place, from);
  const table = found.shown;
  const told = tool.tell(await place.rows(found, tool));
  const unsound = (reason: string) => failure('HistoryUnsound', { tool: tool.name, table, reason });
  if (told.trouble !== undefined) throw unsound(told.trouble);
  if (told.entries.length === 0) throw unsound('it has no row: nothing was applied by that tool');
  const history = told.extent === 'Opaque' ? opaque(told, source, asked, unsound) : matched(told, source, tool, table);
  const version = history.at(-1)?.version ?? '';
  if (asked !== undefined && asked !== version) {
    throw unsound(`it says that the database is at ${version}, and ${asked} was asked for`);
  }
  return { from: tool.name, table, version, history, repeatables: unchanged(told, source, tool.name) };
}

/** The tool that somebody has named, whatever its capitals; undefined: there is none of that name. */
export function toolNamed(name: string): ToolName | 'auto' | undefined {
  const wanted = name.toLowerCase();
  return wanted === 'auto' ? 'auto' : TOOLS.find(tool => tool.name.toLowerCase() === wanted)?.name;
}

/** A table that by its name and columns is another tool's. */
export interface HistoryTable {
  readonly table: string;
  readonly tool: ToolName;
}

/** The tables of all tools that are there. */
export async function historyTables(place: HistoryPlace): Promise<readonly HistoryTable[]> {
  return (await matchesOf(place, TOOLS)).map(({ tool, found }) => ({ table: found.shown, tool: tool.name }));
}

async function matchesOf(place: HistoryPlace, wanted: readonly Tool[]) {
  const tables = await place.tables([...new Set(wanted.map(tool => tool.table))]);
  return tables.flatMap(found => {
    const tool = wanted.find(one => one.table === found.name && one.columns.every(column => found.columns.has(column)));
    return tool === undefined ? [] : [{ tool, found }];
  });
}

async function findTable(place: HistoryPlace, from: ToolName | 'auto'): Promise<{ tool: Tool; found: FoundTable }> {
  const wanted = TOOLS.filter(tool => from === 'auto' || tool.name === from);
  const matches = await matchesOf(place, wanted);
  const [first, second] = matches;
  if (first === undefined)
    throw failure('HistoryMissing', { tables: wanted.map(tool => `${tool.table} (${tool.name})`) });
  if (second === undefined) return first;
  const reason = `there are several: ${matches.map(one => one.found.shown).join(', ')}. Remove those that are not in use`;
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

/** Those of which the tool says that they ran with the text that is here. Any other is run by the next upgrade. */
function unchanged({ repeatables = [] }: Told, source: Source, from: ToolName): ImportedHistory['repeatables'] {
  const ran = new Map(repeatables.map(one => [one.name, one]));
  return source.repeatables.flatMap(repeatable => {
    const told = ran.get(repeatable.version);
    if (told === undefined || told.checksum !== flywayChecksum(repeatable.up.text)) return [];
    return [{ repeatable, from, appliedAt: told.appliedAt, appliedBy: told.appliedBy }];
  });
}

function filesByName(source: Source): ReadonlyMap<string, Migration> {
  return new Map(source.migrations.map(migration => [keyOf(migration.version), migration]));
}

/** Tools write a version now as a number, now as a file's name: `20240101`, `001`, `V1_2__users`. */
function keyOf(name: string): string {
  return String(orderOf(name) ?? name);
}
