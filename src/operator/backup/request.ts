// What the Job of one attempt to back up is asked, made from the DatabaseBackup alone: two passes make the same request. Pure;
// called by decide.ts.
import { createHash } from 'node:crypto';
import { CONTRACT_VERSION } from '../../api/job-contract.ts';
import type { BackupSpec } from '../../api/parse.ts';
import type { JobRequest } from '../migration/actions.ts';
import type { BackupWorld } from './world.ts';

/** What an existing Job of that name must have been made for to be ours. */
export function madeFor(world: BackupWorld, tries: number): string {
  return hash([world.uid, tries]).slice(0, 32);
}

/** At most 63 characters; that of each attempt is its own. */
export function jobName(world: BackupWorld, tries: number): string {
  return `${world.name.slice(0, 40).replace(/[.-]+$/, '')}-backup-${hash([world.uid, tries]).slice(0, 10)}`;
}

function hash(parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

export function requestFor(world: BackupWorld, spec: BackupSpec, tries: number): JobRequest {
  return {
    name: jobName(world, tries),
    step: 'backup',
    input: {
      step: 'backup',
      contract: CONTRACT_VERSION,
      resource: `${world.namespace}/${spec.run.migration}`,
      owner: world.owner,
      resourceUid: spec.run.uid,
      attempt: spec.run.attempt,
      runId: spec.run.id,
      job: jobName(world, tries),
      ledgerSchema: spec.database.ledgerSchema,
      directory: `${world.namespace}/${world.name}-${world.uid.slice(0, 8)}`,
      ...(spec.sessionCheck === undefined ? {} : { sessionCheck: spec.sessionCheck }),
    },
    madeFor: madeFor(world, tries),
    secret: spec.database.urlSecretRef,
    configMaps: [],
    volumeClaim: spec.storage.volumeClaim.name,
    job: spec.job,
    ownership: 'Free',
  };
}
