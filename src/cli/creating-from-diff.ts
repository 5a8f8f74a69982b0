// `create --from-diff`: what has become of the ledger's snapshot, written as the next migration, and how to go on in a
// database that has that change already. Writes two files and nothing in the database. Called by create.
import { existsSync } from 'node:fs';
import { EngineError } from '../engine/errors.ts';
import type { Ledger } from '../engine/ledger/ledger.ts';
import type { Source } from '../engine/source/files.ts';
import type { SnapshotEntry } from '../schema/snapshot.ts';
import { commented, type Script } from '../schema/statements/text.ts';
import type { Invocation } from './command.ts';
import { type Created, createMigration } from './creating.ts';
import type { Database, StoredSchema, WrittenDifference } from './database.ts';
import { UsageError } from './failure.ts';
import { readFolder } from './source.ts';
import { storedSchemaOf } from './stored-schema.ts';
import { counted } from './terminal.ts';

export interface CreatedFromDiff extends Created {
  readonly statements: number;
  /** Of these, how many lose rows or values. */
  readonly destructive: number;
  /** Differences that are told in comments only. */
  readonly unsaid: number;
}

/** Undefined where there is no difference. Throws UsageError. */
export async function createFromDiff(invocation: Invocation): Promise<CreatedFromDiff | undefined> {
  const { settings, terminal } = invocation;
  const description = invocation.arguments[0] ?? '';
  const database = await invocation.database();
  const source = await filesOf(invocation, database);
  const live = await database.schema();
  const { ledger } = await database.state();
  assertNothingHalfDone(ledger);
  assertNothingPending(
    source,
    ledger.applied.map(row => row.version),
  );
  const before = isUntouched(live, source) ? emptyLike(live) : await storedSchemaOf(database, live, 'Write');
  if ((await database.compare(before, live)).length === 0) return undefined;
  const written = await database.writeDifference(before, source);
  const { up, down } = written;
  const made = createMigration(settings, description, textsOf(description, before, written));
  for (const note of written.notes) terminal.say(terminal.noted('warn', `note: ${note}`));
  return { ...made, statements: up.statements, destructive: up.destructive, unsaid: up.unsaid + down.unsaid };
}

/** A folder without migrations is no mistake here. */
async function filesOf({ settings }: Invocation, database: Database): Promise<Source | undefined> {
  if (!existsSync(settings.migrations)) return undefined;
  try {
    return await readFolder(settings, database.dialect, 'Any');
  } catch (error) {
    if (error instanceof EngineError && error.code === 'NoMigrations') return undefined;
    throw error;
  }
}

/** Its half would be written as a migration of its own, and then the rest would not go on it. */
function assertNothingHalfDone({ progress }: Ledger): void {
  const [half] = progress;
  if (half === undefined) return;
  const end = half.direction === 'Up' ? `migrate upgrade ${half.version}` : 'migrate downgrade';
  throw new UsageError(
    `${half.version} is half done, and what it has done so far would be written a second time. Bring it to its end first: ${end}`,
  );
}

/** The difference is taken from what the ledger has: what is pending would be written a second time. */
function assertNothingPending(source: Source | undefined, applied: readonly string[]): void {
  const pending = source?.migrations.find(migration => !applied.includes(migration.version));
  if (pending === undefined) return;
  const { version } = pending;
  throw new UsageError(
    `${version} is pending: what it does would be written again. Apply it first (migrate upgrade), or, if this database has it already, note it (migrate baseline ${version}), or remove its files.`,
  );
}

/** Neither ledger nor files: the whole schema is the difference, and the first migration. */
const isUntouched = (live: StoredSchema, source: Source | undefined): boolean =>
  live.version === null && source === undefined;

/** What every database of PostgreSQL has from the beginning; one of SQLite has nothing. */
const INITIAL: readonly Pick<SnapshotEntry, 'kind' | 'name'>[] = [
  { kind: 'schema', name: 'public' },
  { kind: 'extension', name: 'plpgsql' },
];

function emptyLike(live: StoredSchema): StoredSchema {
  const isInitial = (entry: SnapshotEntry) =>
    INITIAL.some(({ kind, name }) => kind === entry.kind && name === entry.name);
  const entries = live.entries.filter(isInitial);
  return { ...live, entries: entries.map(one => (one.kind === 'schema' ? { ...one, definition: '{}' } : one)) };
}

function textsOf(description: string, { version }: StoredSchema, { up, down }: WrittenDifference) {
  const what = description.trim().replaceAll(/\s+/g, ' ');
  const from = version === null ? 'a database without migrations' : `what became of the schema that ${version} left`;
  const note = `Written by "migrate create --from-diff" from ${from}. Read it first.`;
  return {
    up: fileText([what, note], up),
    down: fileText([`Takes ${JSON.stringify(what)} back.`], down),
    notes: [],
  };
}

function fileText(head: readonly string[], { directives, body, unsaid }: Script): string {
  const count = counted(unsaid, 'difference is', 'differences are');
  const told = unsaid === 0 ? [] : [`${count} not written, and told at the end: see to them.`];
  return [...directives, ...[...head, ...told].map(line => commented(line)), '', body].join('\n');
}

/** What there is to know and to do next, for a person. */
export function nextSteps({ version, statements, destructive, unsaid }: CreatedFromDiff): readonly string[] {
  const losses = destructive === 0 ? '' : `, ${destructive} of which would destroy data elsewhere`;
  const told = unsaid === 0 ? '' : `; ${counted(unsaid, 'difference is', 'differences are')} told in comments only`;
  return [
    `${counted(statements, 'statement')} on the way up${losses}${told}. Read both files.`,
    'This database has the change already: upgrade would make it a second time, and fail. When the files are right:',
    `  migrate check --from-files --to ${version}   do the files make what is here?`,
    `  migrate baseline ${version}   note it here as applied, without running it`,
    'Everywhere else: migrate upgrade.',
  ];
}
