// What each step's Job is asked, made from the run alone: two passes over the same run make the same request.
import { createHash } from 'node:crypto';
import { digestOf } from '../../api/digest.ts';
import { CONTRACT_VERSION, type JobInput, type StepName as JobStep } from '../../api/job-contract.ts';
import type { BackupSpec, MigrationSpec } from '../../api/parse.ts';
import type { JobRequest } from './actions.ts';
import { isStopping } from './direction.ts';
import type { Turn } from './turn.ts';

/** A readable prefix and a hash that no other attempt of any resource has; at most 63 characters. */
export function jobName(t: Turn, step: JobStep, attempt: number): string {
  const { name, uid } = t.world.resource;
  return `${name.slice(0, 40).replace(/[.-]+$/, '')}-${step}-${short([uid, t.run.id, step, attempt])}`;
}

/** What an existing Job of that name must have been made for to be ours; fields that may be edited are not in it. */
export function madeFor(t: Turn, step: JobStep, attempt: number): string {
  return digestOf([t.world.resource.uid, t.run.id, step, attempt, t.run.planInputDigest]).slice(0, 32);
}

export function backupName(t: Turn): string {
  const { name, uid } = t.world.resource;
  return `${name.slice(0, 40).replace(/[.-]+$/, '')}-${short([uid, t.run.id, 'restore-point'])}`;
}

/** The request for one attempt of a step. */
export function requestFor(t: Turn, step: Exclude<JobStep, 'backup'>, attempt: number): JobRequest {
  const { spec } = t;
  const backups = spec.backup.policy === 'Always' ? spec.backup.storage?.volumeClaim.name : undefined;
  return {
    name: jobName(t, step, attempt),
    step,
    input: inputFor(t, step, attempt),
    madeFor: madeFor(t, step, attempt),
    secret: spec.database.urlSecretRef,
    configMaps: step === 'plan' || step === 'migrate' ? spec.source.configMapRefs.map(ref => ref.name) : [],
    ...(step === 'plan' && backups !== undefined ? { volumeClaim: backups } : {}),
    job: spec.job,
    ownership: step === 'plan' || step === 'validate' ? 'Owned' : 'Free',
  };
}

/** The DatabaseBackup of this run. The sessions of the app are looked for only when the app was stopped. */
export function backupSpecFor(t: Turn, attempt: number, deadline: string): BackupSpec {
  const { database, backup, job } = t.spec;
  if (backup.storage === undefined) throw new Error('a backup was asked for without storage');
  const { name, uid } = t.world.resource;
  const check = sessionCheck(t);
  return {
    run: { migration: name, uid, id: t.run.id, attempt },
    database: { urlSecretRef: database.urlSecretRef, ledgerSchema: database.ledgerSchema },
    storage: backup.storage,
    ...(check === undefined ? {} : { sessionCheck: check }),
    job,
    deadline,
  };
}

function inputFor(t: Turn, step: Exclude<JobStep, 'backup'>, attempt: number): JobInput {
  const { spec, run, world } = t;
  const common = {
    contract: CONTRACT_VERSION,
    resource: `${world.resource.namespace}/${world.resource.name}`,
    owner: world.owner,
    resourceUid: world.resource.uid,
    ...(world.resource.adopts === undefined ? {} : { adopts: world.resource.adopts }),
    attempt,
    runId: run.id,
    job: jobName(t, step, attempt),
    ledgerSchema: spec.database.ledgerSchema,
  } as const;
  const appRoles = [...spec.database.appRoles];
  if (step === 'settle') return { step, ...common, appRoles };
  if (step === 'validate') {
    const { http, timeoutSeconds } = spec.validation;
    return { step, ...common, http, timeoutSeconds };
  }
  const { strategy } = spec.rollout;
  if (step === 'plan') {
    const backups = spec.backup.policy === 'Always' ? 'Mounted' : 'NotMounted';
    const baseline = spec.baseline === undefined ? {} : { baseline: spec.baseline };
    const { audit, version } = t.status;
    return {
      step,
      ...common,
      target: spec.target,
      ...(audit === undefined ? {} : { auditSeen: { id: audit.id, hash: audit.hash } }),
      ...baseline,
      ...(version === undefined ? {} : { knownVersion: version }),
      strategy,
      execution: spec.execution,
      appRoles,
      backups,
    };
  }
  return { step, ...common, strategy, execution: spec.execution, appRoles, ...migrateInput(t) };
}

function migrateInput(t: Turn) {
  const { plan } = t.run;
  if (plan === undefined) throw new Error('a migration was asked for without a plan');
  const check = sessionCheck(t);
  return {
    // What the run began from, for each of its attempts: the epoch remembers it, and a later attempt goes on from there.
    from: plan.from ?? null,
    to: plan.target,
    sourceDigest: plan.sourceDigest,
    ledgerDigest: plan.ledgerDigest,
    ...(check === undefined ? {} : { sessionCheck: check }),
    ...(plan.baseline === undefined ? {} : { baseline: { version: plan.baseline.version } }),
    ...(plan.direction === 'Down' ? { direction: plan.direction, ...confirmedLoss(t) } : {}),
  };
}

/** A run was committed to a downgrade that loses something only if policy or a person had accepted that. */
function confirmedLoss(t: Turn): { readonly confirmedLoss?: string } {
  const { digest, lossCount } = t.run.plan?.downgrade ?? {};
  const isAccepted = t.spec.safety.downgrade === 'Allow' || (lossCount ?? 0) > 0;
  return digest !== undefined && isAccepted ? { confirmedLoss: digest } : {};
}

function sessionCheck(t: Turn): MigrationCheck | undefined {
  if (!isStopping(t)) return undefined;
  return { appRoles: [...t.spec.database.appRoles], drainSeconds: t.spec.rollout.drainSeconds };
}

type MigrationCheck = { appRoles: MigrationSpec['database']['appRoles']; drainSeconds: number };

function short(parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 10);
}
