// The ledger's own snapshot of the schema: whole, compressed, written after the last migration of an attempt. It is what
// the schema should look like; drift and `create --from-diff` compare the live schema with it. One row, replaced.
//
//   const stored = await readStoredSnapshot(connection, schema);      // undefined: none was stored
//   stored.ledgerDigest === ledger.digest                             // else it is older than the ledger: say so
//   compareSnapshots(stored.snapshot, live)                           // src/schema/difference.ts

import type { SnapshotEntry } from '../schema/snapshot.ts';

export interface StoredSnapshot {
  /** Version that the database was at, null for none. */
  readonly version: string | null;
  /** Digest of the ledger at that moment. */
  readonly ledgerDigest: string;
  /** server_version_num of the server that it was read from; another major prints some expressions otherwise. */
  readonly serverVersionNumber: number;
  /** ISO 8601, UTC. */
  readonly takenAt: string;
  readonly entries: readonly SnapshotEntry[];
}
