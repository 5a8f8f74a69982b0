// Brings a ledger of an older format to ours: within the transaction that raises the epoch, under the migration lock, so
// that an older program is never at work on it, and either all of it is new or nothing. Nothing stored is rewritten but the
// number. Called by fence.ts only.
import type { Attempt } from '../attempt.ts';
import { type Connection, literal, QueryError, quoted } from '../connection.ts';
import { failure } from '../errors.ts';
import { appendAudit } from './audit.ts';
import { LEDGER_COLUMNS_2, LEDGER_FORMAT, PROGRESS_COLUMN_2, repeatableTable, snapshotTable } from './ledger-schema.ts';

/** A session that has just called current_version() in a long transaction must not hold us up for ever. */
const LOCK_TIMEOUT_MS = 10_000;

/** Within an open transaction. Throws LockTimeout or RightMissing. */
export async function upgradeLedger(connection: Connection, attempt: Attempt, from: number): Promise<void> {
  const s = quoted(attempt.ledgerSchema);
  const statements = [
    `SET LOCAL lock_timeout TO ${LOCK_TIMEOUT_MS}`,
    ...(from < 2 ? toFormat2(attempt.ledgerSchema) : []),
    ...(from < 3 ? [repeatableTable(attempt.ledgerSchema)] : []),
    `UPDATE ${s}.epoch SET format = ${LEDGER_FORMAT}`,
    `COMMENT ON TABLE ${s}.epoch IS ${literal(`migration ledger, format ${LEDGER_FORMAT}`)}`,
    'SET LOCAL lock_timeout TO 0',
  ];
  try {
    await connection.query(statements.join(';\n'));
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    const place = { sqlstate: error.sqlstate };
    if (error.sqlstate === '55P03') {
      throw failure('LockTimeout', { waited: `${LOCK_TIMEOUT_MS / 1000} s`, blockers: [] }, place);
    }
    if (error.sqlstate === '42501') {
      const right = `to bring the ledger in schema ${attempt.ledgerSchema} to format ${LEDGER_FORMAT} (${error.message})`;
      const remedy = 'Migrate with the role that made the ledger, or make this role its owner.';
      throw failure('RightMissing', { role: undefined, right, remedy }, place);
    }
    throw error;
  }
  await appendAudit(connection, attempt, 'upgraded', null, { from, to: LEDGER_FORMAT });
}

function toFormat2(schema: string): readonly string[] {
  const s = quoted(schema);
  return [
    `ALTER TABLE ${s}.ledger ALTER COLUMN number TYPE numeric,
      ${LEDGER_COLUMNS_2.map(column => `ADD COLUMN ${column}`).join(', ')}`,
    `ALTER TABLE ${s}.progress ADD COLUMN ${PROGRESS_COLUMN_2}`,
    snapshotTable(schema),
  ];
}
