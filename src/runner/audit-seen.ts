// Whether the audit still has the row that the resource's status has noted: a database that was restored, another one, and rows
// that were cut off all look well from within. Says what is there and judges nothing. Called by plan.ts.
import type { JobInputOf, JobResultOf } from '../api/job-contract.ts';
import type { Connection } from '../engine/connection.ts';
import { findNotedRow } from '../engine/ledger/verify-audit.ts';

type Difference = NonNullable<NonNullable<JobResultOf<'PlanResult'>['plan']>['audit']>;

/** Undefined: it has, or no row was noted. Logged too, because a plan that is refused has no other place to say it. */
export async function findAuditDifference(
  connection: Connection,
  { auditSeen, ledgerSchema }: JobInputOf<'plan'>,
  log: (line: string) => void,
): Promise<Difference | undefined> {
  if (auditSeen === undefined) return undefined;
  const problem = await findNotedRow(connection, ledgerSchema, auditSeen);
  if (problem === undefined) return undefined;
  log(
    problem.kind === 'RowsMissing'
      ? `the audit in the database ends at row ${problem.lastId}, before row ${auditSeen.id}, which the resource has seen: the database was restored from a backup or is another one, or rows were removed`
      : `row ${auditSeen.id} of the audit is not the one that the resource has seen: the database was restored and migrated since, is another one, or the audit was written anew`,
  );
  return problem;
}
