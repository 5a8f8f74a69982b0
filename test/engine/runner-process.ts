// The runner as a process of its own, as a container runs it: to be killed, frozen and woken by the tests of processes.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type JobResultOf, parseJobResult } from '../../src/api/job-contract.ts';
import { EXECUTION, OWNER, type Site } from './site.ts';

type Plan = NonNullable<JobResultOf<'PlanResult'>['plan']>;

export interface RunnerProcess {
  readonly child: ChildProcess;
  /** Exit code (null when a signal ended it) and result, undefined when it wrote none. */
  readonly ended: Promise<{ code: number | null; result: JobResultOf<'MigrateResult'> | undefined }>;
}

/** Starts `main.ts migrate` on a site with the site's next attempt, or the given one. */
export function startMigrate(
  site: Site,
  planned: Plan,
  changes: { readonly attempt?: number; readonly databaseUrl?: string; readonly transaction?: 'PerMigration' } = {},
): RunnerProcess {
  const attempt = changes.attempt ?? ++site.attempt;
  const file = join(site.root, `result-${attempt}`);
  const input = {
    step: 'migrate',
    contract: 1,
    resource: 'shop/truledgr',
    owner: OWNER,
    resourceUid: 'a-uid',
    attempt,
    runId: site.runId,
    job: `job-${attempt}`,
    ledgerSchema: 'migrate',
    strategy: 'Recreate',
    execution: { ...EXECUTION, transaction: changes.transaction ?? 'Auto' },
    appRoles: [],
    from: planned.version,
    to: planned.target,
    sourceDigest: planned.sourceDigest,
    ledgerDigest: planned.ledgerDigest,
  };
  const child = spawn(process.execPath, [join(import.meta.dirname, '../../src/runner/main.ts'), 'migrate'], {
    env: {
      PATH: process.env.PATH ?? '',
      MIGRATE_JOB: JSON.stringify(input),
      MIGRATE_RESULT_FILE: file,
      MIGRATE_MIGRATIONS_DIRECTORY: site.migrations,
      DATABASE_URL: changes.databaseUrl ?? site.url,
    },
    stdio: 'ignore',
  });
  const ended = new Promise<Awaited<RunnerProcess['ended']>>(resolve => {
    child.once('exit', code => {
      const result = existsSync(file) ? parseJobResult(readFileSync(file, 'utf8')) : undefined;
      resolve({ code, result: result?.kind === 'MigrateResult' ? result : undefined });
    });
  });
  return { child, ended };
}
