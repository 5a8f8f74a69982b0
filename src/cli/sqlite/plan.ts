// A plan for a SQLite file as the commands show it: what would run, in which transactions, what would be lost. Writes nothing.

import { wayDownOf } from '../../engine/layouts/names.ts';
import { EMPTY_TARGET, planMigrations } from '../../engine/plan.ts';
import type { Reversal } from '../../engine/reversal.ts';
import type { Source } from '../../engine/source/files.ts';
import type { Script } from '../../engine/sql/script.ts';
import { assertSqliteBaseline } from '../../engine/sqlite/baseline.ts';
import type { SqliteConnection } from '../../engine/sqlite/connection.ts';
import { keptDownScript, type SqliteLedger } from '../../engine/sqlite/ledger.ts';
import { sqliteLosses, type Way } from '../../engine/sqlite/losses.ts';
import { parseSqliteFile, parseSqliteRepeatable, type SqliteFile } from '../../engine/sqlite/statements.ts';
import type { Plan } from '../database.ts';
import { UsageError } from '../failure.ts';

export interface SqlitePlace {
  readonly ledger: SqliteLedger;
  /** Reads the file; where there is none yet, answers the first. */
  read<T>(whenMissing: T, read: (connection: SqliteConnection) => T): Promise<T>;
}

interface Step {
  readonly version: string;
  readonly file: SqliteFile;
  /** What takes it back, by which it is judged what is lost. */
  readonly back: Script | undefined;
}

/** Throws EngineError, or UsageError for a version without a way down. */
export async function planSqlite(place: SqlitePlace, source: Source, target: string): Promise<Plan> {
  const from = place.ledger.version;
  const planned = target === EMPTY_TARGET ? undefined : planMigrations(source, place.ledger, target);
  const direction = planned?.direction ?? (from === null ? 'None' : 'Down');
  const to = planned?.target ?? null;
  if (direction === 'Up') await place.read(undefined, assertSqliteBaseline);
  const ways: readonly Step[] =
    direction === 'Up'
      ? (planned?.pending ?? []).map(({ version, up, down }) => ({ version, file: parseSqliteFile(up), back: down }))
      : (await sqliteReversals(place, source, to)).map(({ version, down, up }) => ({
          version,
          file: parseSqliteFile(down),
          back: up,
        }));
  const again = (planned?.repeatables ?? []).map(one => ({ version: one.version, file: parseSqliteRepeatable(one) }));
  const steps = [...ways, ...again];
  const way: Way = { direction: direction === 'Up' ? 'Up' : 'Down', back: ways.map(step => step.back) };
  return {
    from,
    to,
    direction,
    versions: steps.map(step => step.version),
    transactions: steps.flatMap(transactionsOf),
    losses: await place.read([], connection => sqliteLosses(connection, steps, way)),
    ungranted: [],
    notes: [...(planned?.notes ?? []), ...steps.flatMap(step => step.file.notes)],
  };
}

/** The downs of everything above the target, highest first: the folder's, or what the ledger kept. */
export async function sqliteReversals(
  { ledger, read }: SqlitePlace,
  source: Source,
  target: string | null,
): Promise<readonly Reversal[]> {
  const lowest = target === null ? -1n : (ledger.applied.find(row => row.version === target)?.number ?? -1n);
  const above = ledger.applied.filter(row => row.number > lowest).toReversed();
  const reversals: Reversal[] = [];
  for (const { version, number, upChecksum } of above) {
    const inFolder = source.migrations.find(migration => migration.version === version);
    const down =
      inFolder === undefined ? await read(undefined, connection => keptDownScript(connection, version)) : inFolder.down;
    if (down === undefined) {
      throw new UsageError(
        `${version} cannot be taken back: it has no ${wayDownOf(source.layout, version)}. Write one, or write a new migration that undoes it.`,
      );
    }
    reversals.push({
      version,
      number,
      origin: inFolder === undefined ? 'Ledger' : 'Source',
      down,
      up: inFolder?.up,
      upChecksum,
    });
  }
  return reversals;
}

function transactionsOf({ version, file }: Pick<Step, 'version' | 'file'>): Plan['transactions'] {
  const statements = file.statements.map(({ line, text }) => ({ version, line, text }));
  const state = 'ToRun' as const;
  if (file.place === 'Alone') return statements.map(statement => ({ kind: 'Alone', state, statements: [statement] }));
  return statements.length === 0 ? [] : [{ kind: 'Transaction', state, statements }];
}
