// The ledger's own snapshot of the schema: whole, compressed, written after the last migration of an attempt. It is what
// the schema should look like; drift and `create --from-diff` compare the live schema with it. One row, replaced.
//
//   const stored = await readStoredSnapshot(connection, schema);      // undefined: none was stored
//   stored.ledgerDigest === ledger.digest                             // else it is older than the ledger: say so
//   compareSnapshots(stored, { entries: live, serverVersionNumber })  // src/schema/difference.ts
import { gunzipSync, gzipSync } from 'node:zlib';
import { REVISION } from '../../schema/revisions.ts';
import { type SnapshotEntry, snapshotDigest } from '../../schema/snapshot.ts';
import { type Attempt, runKey } from '../attempt.ts';
import { type Connection, QueryError, quoted, textOf } from '../connection.ts';
import { failure } from '../errors.ts';
import type { Server } from '../server.ts';
import { type Ledger, readLedger } from './ledger.ts';

export interface StoredSnapshot {
  /** Version that the database was at, null for none. */
  readonly version: string | null;
  /** Digest of the ledger at that moment. */
  readonly ledgerDigest: string;
  /** server_version_num of the server that it was read from; another major prints some expressions otherwise. */
  readonly serverVersionNumber: number;
  /** ISO 8601, UTC. */
  readonly takenAt: string;
  /** What the program that stored it could hold (src/schema/revisions.ts). */
  readonly revision: number;
  readonly entries: readonly SnapshotEntry[];
}

/** `gzip+json/2`: the number is the snapshot's revision; the first has none. */
const ENCODING = `gzip+json/${REVISION}`;
const ENCODED = /^gzip\+json(?:\/(\d+))?$/;

/** JSON `[[kind, name, definition], …]`, gzip, base64. */
export function packSnapshot(entries: readonly SnapshotEntry[]): string {
  const content = JSON.stringify(entries.map(({ kind, name, definition }) => [kind, name, definition]));
  return gzipSync(content, { level: 6 }).toString('base64');
}

export function unpackSnapshot(packed: string): readonly SnapshotEntry[] {
  const content = JSON.parse(gunzipSync(Buffer.from(packed, 'base64')).toString('utf8')) as [string, string, string][];
  return Object.freeze(content.map(([kind, name, definition]) => Object.freeze({ kind, name, definition })));
}

function unpacked(packed: string): readonly SnapshotEntry[] | undefined {
  try {
    return unpackSnapshot(packed);
  } catch {
    return undefined;
  }
}

/** What the schema was when the last attempt had done its work; undefined before the first, and in format 1. */
export async function readStoredSnapshot(connection: Connection, schema: string): Promise<StoredSnapshot | undefined> {
  const s = quoted(schema);
  const [found] = await connection.query('SELECT pg_catalog.to_regclass($1) AS oid', [`${s}.snapshot`]);
  if (found === undefined || found.oid === null) return undefined;
  try {
    const [row] = await connection.query(
      `SELECT version, ledger_digest, server_version, digest, encoding, pg_catalog.encode(content, 'base64') AS content,
          pg_catalog.to_char(taken_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS taken_at FROM ${s}.snapshot`,
    );
    if (row === undefined) return undefined;
    const [isEncoded, number = '1'] = ENCODED.exec(textOf(row, 'encoding')) ?? [];
    const revision = Number(number);
    if (revision > REVISION)
      throw failure('LedgerFormatUnknown', { format: `${textOf(row, 'encoding')} (snapshot)`, known: ENCODING });
    const entries = isEncoded === undefined ? undefined : unpacked(textOf(row, 'content'));
    if (entries === undefined || snapshotDigest(entries) !== row.digest) {
      throw damaged(schema, 'the stored snapshot is not what was stored');
    }
    return Object.freeze({
      version: row.version ?? null,
      ledgerDigest: textOf(row, 'ledger_digest'),
      serverVersionNumber: Number(textOf(row, 'server_version')),
      takenAt: textOf(row, 'taken_at'),
      revision,
      entries,
    });
  } catch (error) {
    if (error instanceof QueryError && error.sqlstate.startsWith('42')) throw damaged(schema, error.message);
    throw error;
  }
}

function damaged(schema: string, reason: string) {
  return failure('LedgerDamaged', { schema, reason });
}

/**
 * Within the caller's transaction: stores the schema, which was read before it (that may have had to wait) under the same
 * lock, for the ledger as it is now.
 */
export async function storeSnapshot(
  connection: Connection,
  server: Server,
  attempt: Attempt,
  entries: readonly SnapshotEntry[],
): Promise<void> {
  const ledger = await readLedger(connection, attempt.ledgerSchema, server.role);
  await connection.query(
    `INSERT INTO ${quoted(attempt.ledgerSchema)}.snapshot
        (version, ledger_digest, server_version, taken_at, run, attempt, digest, encoding, content)
      VALUES ($1, $2, $3, pg_catalog.now(), $4, $5, $6, $7, pg_catalog.decode($8, 'base64'))
      ON CONFLICT (singleton) DO UPDATE SET (version, ledger_digest, server_version, taken_at, run, attempt, digest, encoding, content)
        = (EXCLUDED.version, EXCLUDED.ledger_digest, EXCLUDED.server_version, EXCLUDED.taken_at, EXCLUDED.run, EXCLUDED.attempt,
          EXCLUDED.digest, EXCLUDED.encoding, EXCLUDED.content)`,
    [
      ledger.version,
      ledger.digest,
      String(server.versionNumber),
      runKey(attempt.run),
      String(attempt.number),
      snapshotDigest(entries),
      ENCODING,
      packSnapshot(entries),
    ],
  );
}

/** Whether what is stored belongs to another state of the ledger: a crash came between, or nothing was ever stored. */
export async function isSnapshotStale(connection: Connection, schema: string, ledger: Ledger): Promise<boolean> {
  const [row] = await connection.query(`SELECT ledger_digest FROM ${quoted(schema)}.snapshot`);
  return row?.ledger_digest !== ledger.digest;
}
