// What a run has left in its database: the ledger and the audit, the tables, and the rows that each migration wrote.

import type { DatabaseMigration } from '../../src/operator/sources.ts';
import type { Database } from '../control/database.ts';
import type { Json } from './final-state.ts';
import { RUNNER_IMAGE } from './incarnation.ts';

export interface DatabaseState {
  readonly ledger: readonly string[];
  /** Versions by their audit rows of the events `applied` and `baseline`, a version for each row. */
  readonly applied: readonly string[];
  /** The same for `reverted`. */
  readonly reverted: readonly string[];
  readonly progress: number;
  readonly tables: readonly string[];
  /** A version for each time that its migration's rows are there. */
  readonly witness: readonly string[];
  /** The last row of the audit. */
  readonly auditHead: { readonly id: number; readonly hash: string };
  /** Of the runners that applied what is in the ledger. */
  readonly images: readonly string[];
}

const QUERY = `SELECT json_build_object(
  'ledger', (SELECT coalesce(json_agg(version ORDER BY number), '[]') FROM migrate.ledger),
  'applied', (SELECT coalesce(json_agg(version ORDER BY version, id), '[]') FROM migrate.audit WHERE event IN ('applied', 'baseline')),
  'reverted', (SELECT coalesce(json_agg(version ORDER BY version, id), '[]') FROM migrate.audit WHERE event = 'reverted'),
  'progress', (SELECT count(*) FROM migrate.progress),
  'tables', (SELECT coalesce(json_agg(relname ORDER BY relname), '[]') FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace),
  'witness', (SELECT coalesce(json_agg(version ORDER BY version), '[]') FROM public.witness),
  'auditHead', (SELECT json_build_object('id', id, 'hash', hash) FROM migrate.audit ORDER BY id DESC LIMIT 1),
  'images', (SELECT coalesce(json_agg(DISTINCT image), '[]') FROM migrate.ledger)) AS state`;

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
  expect('images in the ledger', state.images, [RUNNER_IMAGE]);
  return problems;
}

/** The status must name the last row of the audit, whoever was killed when. */
export function brokenAudit({ auditHead }: DatabaseState, status: DatabaseMigration['status']): readonly string[] {
  const { id, hash } = status?.audit ?? {};
  const [noted, last] = [JSON.stringify({ id, hash }), JSON.stringify(auditHead)];
  return noted === last ? [] : [`the status has noted row ${noted} of the audit, its last is ${last}`];
}
