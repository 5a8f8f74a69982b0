// What a run has left in its database: the ledger and the audit, the tables, and the rows that each migration wrote.
import type { Database } from '../control/database.ts';
import type { Json } from './final-state.ts';

export interface DatabaseState {
  readonly ledger: readonly string[];
  /** Versions by their audit rows of the event `applied`, a version for each row. */
  readonly applied: readonly string[];
  /** The same for `reverted`. */
  readonly reverted: readonly string[];
  readonly progress: number;
  readonly tables: readonly string[];
  /** A version for each time that its migration's rows are there. */
  readonly witness: readonly string[];
}

const QUERY = `SELECT json_build_object(
  'ledger', (SELECT coalesce(json_agg(version ORDER BY number), '[]') FROM migrate.ledger),
  'applied', (SELECT coalesce(json_agg(version ORDER BY version, id), '[]') FROM migrate.audit WHERE event = 'applied'),
  'reverted', (SELECT coalesce(json_agg(version ORDER BY version, id), '[]') FROM migrate.audit WHERE event = 'reverted'),
  'progress', (SELECT count(*) FROM migrate.progress),
  'tables', (SELECT coalesce(json_agg(relname ORDER BY relname), '[]') FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace),
  'witness', (SELECT coalesce(json_agg(version ORDER BY version), '[]') FROM public.witness)) AS state`;

export async function databaseState(database: Database): Promise<DatabaseState> {
  const [row] = await database.query(QUERY);
  return JSON.parse(row?.state ?? '{}') as DatabaseState;
}

/** What must hold at every end, reference or not; empty when it does. */
export function broken(state: DatabaseState, tables: readonly string[], version: string): readonly string[] {
  const problems: string[] = [];
  const expect = (what: string, found: Json, wanted: Json) => {
    if (JSON.stringify(found) !== JSON.stringify(wanted))
      problems.push(`${what}: wanted ${JSON.stringify(wanted)}, found ${JSON.stringify(found)}`);
  };
  expect('the ledger is at', state.ledger.at(-1) ?? null, version);
  expect('one effective audit row a version', state.applied, [...state.ledger, ...state.reverted].sort());
  expect('rows of each migration once', state.witness, state.ledger);
  expect('tables', state.tables, tables);
  expect('half-done files', state.progress, 0);
  return problems;
}
