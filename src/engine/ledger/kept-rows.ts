// What must stand in the ledger when a transaction commits, asked in its last statement: a row that was written can be gone again
// by then (an AFTER trigger, a statement that goes back to a savepoint), and a migration without its row would run twice. Not of the
// audit: its own trigger refuses that a row goes. Makes SQL, never writes. Filled by records.ts, asked by transactions.ts.
import type { Attempt } from '../attempt.ts';
import { literal, quoted } from '../connection.ts';
import type { PendingFile } from '../work.ts';

/** What a transaction has written for a script: its own rows, or those of a segment of it. */
export type KeptRow =
  | { readonly of: 'Script'; readonly file: PendingFile }
  | {
      readonly of: 'Segment';
      readonly file: PendingFile;
      readonly segment: number;
      readonly state: 'started' | 'done';
    };

/** The transaction that rows are written in. */
export interface Recording {
  /** As txid_current() has told it. */
  readonly id: string;
  /** To be called before the row is sent, so that a check that is sent right behind it knows of it. */
  expect(row: KeptRow): void;
}

/** SQL of the version of one row that is not as it was written, NULL where all are; as the login role, under pg_catalog. */
export function missingRowSql({ ledgerSchema, number }: Attempt, rows: readonly KeptRow[]): string {
  const table = (name: string) => `${quoted(ledgerSchema)}.${name}`;
  const scripts = rows.filter(row => row.of === 'Script');
  const versionsOf = (direction: PendingFile['direction']) =>
    scripts.filter(({ file }) => file.direction === direction).map(({ file }) => file.migration.version);
  const absent = (from: string, column: string, versions: readonly string[]) => {
    const there = `SELECT FROM ${table(from)} WHERE ${column} = wanted AND attempt = ${number}`;
    const sql = `SELECT wanted FROM unnest(${textArray(versions)}) AS wanted WHERE NOT EXISTS (${there})`;
    return versions.length === 0 ? [] : [sql];
  };
  const down = versionsOf('Down');
  const present = `SELECT version FROM ${table('ledger')} WHERE version = ANY (${textArray(down)})`;
  const pieces = rows.filter(row => row.of === 'Segment').map(row => missingPiece(table('progress'), row));
  const parts = [
    ...absent('ledger', 'version', versionsOf('Up')),
    ...absent('repeatable', 'name', versionsOf('Repeat')),
    ...(down.length === 0 ? [] : [present]),
    ...pieces,
  ];
  return parts.length === 0 ? 'NULL' : `(SELECT * FROM (${parts.join(' UNION ALL ')}) AS missing(version) LIMIT 1)`;
}

function missingPiece(table: string, { file, segment, state }: Extract<KeptRow, { of: 'Segment' }>): string {
  const version = literal(file.migration.version);
  const there = `SELECT FROM ${table} WHERE version = ${version} AND segment = ${segment} AND state = ${literal(state)}`;
  return `SELECT ${version} WHERE NOT EXISTS (${there})`;
}

function textArray(values: readonly string[]): string {
  return `ARRAY[${values.map(literal).join(', ')}]::text[]`;
}
