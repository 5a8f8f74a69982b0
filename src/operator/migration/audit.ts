// The last row of the database's audit, noted in status: outside the database, where who can write there cannot reach it.
// A plan says whether the row is still there; what is there instead holds nothing up, because a database that a person has
// restored looks the same, but it is said until a plan finds the audit whole again. Pure; called by the steps Plan, Migrate
// and Settle.
//
// The row is noted in the write that latches the step: a crash before it leaves the row of before, which the chain still has.
import type { JobResultOf } from '../../api/job-contract.ts';
import type { Turn } from './turn.ts';

type Head = NonNullable<JobResultOf<'SettleResult'>['ledger']>['auditHead'];
type Difference = NonNullable<NonNullable<JobResultOf<'PlanResult'>['plan']>['audit']>;

/** Notes the row that an attempt has left or seen behind the fence; one that cannot follow the row of before is told. */
export function noteAudit(t: Turn, head: Head): void {
  if (head === null || head === undefined) return;
  const { audit } = t.status;
  // What the plan of this run has found is said, and this follows from it.
  if (audit !== undefined && t.conditionOf('AuditDiffers') === undefined) {
    if (head.id < audit.id) sayAudit(t, { kind: 'RowsMissing', lastId: head.id });
    else if (head.id === audit.id && head.hash !== audit.hash) sayAudit(t, { kind: 'RowReplaced', lastId: head.id });
  }
  t.status.audit = { id: head.id, hash: head.hash, seenTime: t.world.now };
}

/** What a plan has found of it; undefined: the row is there. */
export function takeAudit(t: Turn, difference: Difference | undefined): void {
  if (difference === undefined) t.drop('AuditDiffers');
  else sayAudit(t, difference);
}

function sayAudit(t: Turn, { kind, lastId }: Difference): void {
  const { id = 0, seenTime = '' } = t.status.audit ?? {};
  const seen = `row ${id}, which this resource had seen at ${seenTime}`;
  const message =
    kind === 'RowsMissing'
      ? `The audit in the database ended ${lastId === 0 ? 'without any row' : `at row ${lastId}`}, before ${seen}: the database was restored from a backup or is another one, or rows were removed. ${REMEDY}`
      : `The audit in the database had another row in the place of ${seen}: the database was restored and migrated since, is another one, or the audit was written anew. ${REMEDY}`;
  if (t.conditionOf('AuditDiffers')?.message !== message) t.tell('Warning', kind, message);
  t.condition('AuditDiffers', 'True', kind, message);
}

const REMEDY =
  'Nothing is held up for it. If nobody has restored it, find out who can write to the ledger; migrate history --verify checks what is left.';
