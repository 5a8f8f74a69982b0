// Who is at work: one attempt of one step of one run, as the ledger, the epoch and pg_stat_activity name it. Data only;
// passed through the whole engine.

export interface Attempt {
  /** 16 hex digits: hash of (uid of kube-system, namespace, name). */
  readonly owner: string;
  /** `<namespace>/<name>`, for messages. */
  readonly resource: string;
  readonly number: number;
  /** The run that this attempt belongs to. The uid tells a resource from an earlier one of the same name. */
  readonly run: { readonly uid: string; readonly id: number };
  readonly job: string;
  readonly ledgerSchema: string;
  /** The runner's image, noted in the ledger; without it, nothing is noted. */
  readonly image?: string;
  /** Another owner's id, if a person has said that its database is now this resource's. */
  readonly adopts?: string;
}

/** How the sessions of an attempt are recognised in pg_stat_activity: at most 63 bytes, or PostgreSQL cuts it. */
export function applicationName(owner: string, attempt: number): string {
  return `migrate/${owner}/${attempt}`;
}

/** The epoch's name of a run. */
export function runKey(run: Attempt['run']): string {
  return `${run.uid}/${run.id}`;
}
