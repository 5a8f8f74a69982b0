// What a downgrade would lose: rows of tables that the downs drop, values of columns that they drop or narrow, and
// statements whose loss cannot be counted. Reads only, under a statement limit each. Called by `plan` to show it, and by
// `migrate` under the fence, which refuses with DowngradeWouldLoseData unless the plan's digest was confirmed.
//
//   const losses = await countLosses(connection, server, files, { statementTimeoutMs: 10_000 });
//   losses.length === 0                       // lossless
//   downgradeDigest(ledger, target, reversals, losses)   // what a confirmation names

/** One thing that is lost. Never the data itself. */
export interface Loss {
  /** Version whose down loses it. */
  readonly version: string;
  readonly kind: 'Table' | 'Column' | 'Narrowing' | 'Statement';
  /** `public.users`, `public.users.email`, or `004_x.down.sql, statement 2 (line 7)`. */
  readonly name: string;
  /** Rows, or values that are neither NULL nor the column's default; null when it cannot be counted. */
  readonly rows: number | null;
}
