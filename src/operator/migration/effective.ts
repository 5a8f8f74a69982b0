// The spec of a committed run: what was frozen at the commit, with the few fields whose edits count from the next
// attempt on: suspend, job, validation, and every limit in seconds or milliseconds.
import type { MigrationSpec } from '../../api/parse.ts';

export function effectiveSpec(frozen: MigrationSpec, live: MigrationSpec): MigrationSpec {
  const { drainSeconds, progressDeadlineSeconds, maxStoppedSeconds, manifestDeadlineSeconds } = live.rollout;
  const { lockTimeoutMilliseconds, lockRetrySeconds } = live.execution;
  return {
    ...frozen,
    suspend: live.suspend,
    job: live.job,
    validation: live.validation,
    rollout: { ...frozen.rollout, drainSeconds, progressDeadlineSeconds, maxStoppedSeconds, manifestDeadlineSeconds },
    execution: { ...frozen.execution, lockTimeoutMilliseconds, lockRetrySeconds },
  };
}
