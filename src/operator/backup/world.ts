// Everything true that matters to one DatabaseBackup, frozen, `now` included.

import type { BackupSpec, BackupStatus, Parsed } from '../../api/parse.ts';
import type { JobRequest } from '../migration/actions.ts';
import type { JobView } from '../migration/world.ts';
import type { Refusal } from '../refusals.ts';

export interface BackupWorld {
  readonly now: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly generation: number;
  readonly spec: Parsed<BackupSpec>;
  readonly status: BackupStatus;
  readonly owner: string;
  /** Whether the run of the DatabaseMigration that it names asks for this very backup. */
  readonly asked: 'Asked' | 'NotAsked';
  readonly jobs: readonly JobView[];
  /** What the API server would not take from the last passes, and is tried again. */
  readonly refusals: readonly Refusal[];
}

/** The act by verb and name: the same for each try of it. */
export function backupActKey(action: BackupAction): string {
  return `${action.do} ${action.do === 'CreateJob' ? action.request.name : action.name}`;
}

export type BackupAction =
  | { readonly do: 'CreateJob'; readonly request: JobRequest }
  | { readonly do: 'DeleteJob'; readonly name: string; readonly uid: string }
  | { readonly do: 'AdoptJob'; readonly name: string; readonly uid: string };
