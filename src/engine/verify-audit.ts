// Walks the audit's hash chain and says what was done to it: a row edited, removed or put in; its tail cut off or the whole
// written anew, which only a head noted elsewhere (status, a file) can show. Reads only. Called by `history --verify`.
//
//   const report = await verifyAudit(connection, schema, head);     // head: optional, from outside
//   report.problems.length === 0

/** The last row: what is noted outside the database. */
export interface AuditHead {
  readonly id: number;
  /** SHA-256, hexadecimal. */
  readonly hash: string;
}

export interface AuditProblem {
  readonly kind: 'Edited' | 'Removed' | 'Inserted' | 'TailCut' | 'Rewritten' | 'LedgerDiffers';
  /** Id of the row at which it shows. */
  readonly id: number;
  /** For a person. */
  readonly message: string;
}

export interface AuditReport {
  readonly rows: number;
  /** Null: the audit is empty. */
  readonly head: AuditHead | null;
  /** In order of ids; empty: the chain is whole. */
  readonly problems: readonly AuditProblem[];
}
