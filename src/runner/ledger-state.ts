// The ledger and its server as results show them: the fields that plan, migrate and settle have in common. Pure.
import type { Ledger } from '../engine/ledger/ledger.ts';
import type { Server } from '../engine/server.ts';

export function ledgerState(ledger: Ledger, server: Server) {
  return {
    version: ledger.version,
    appliedCount: ledger.applied.length,
    ledgerDigest: ledger.digest,
    epochAttempt: ledger.epoch?.attempt ?? 0,
    serverVersion: server.version,
    database: { systemIdentifier: server.systemIdentifier, name: server.database, host: server.host },
  };
}
