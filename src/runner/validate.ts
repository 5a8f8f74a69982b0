// The step `validate`: asks the application by HTTP whether it is well, again and again until every check has passed in
// one round or the time is over. Never shows a body or a query string. Needs no database.
import { setTimeout as after } from 'node:timers/promises';
import { CONTRACT_VERSION, type JobInputOf, type JobResultOf } from '../api/job-contract.ts';
import { failure } from '../engine/errors.ts';
import type { StepEnvironment } from './environment.ts';
import { failureOf } from './result.ts';

type Check = JobInputOf<'validate'>['http'][number];
type Answer = JobResultOf<'ValidateResult'>['checks'][number];

const REQUEST_TIMEOUT_MS = 5_000;
const PAUSE_MS = 1_000;

export async function validate(
  input: JobInputOf<'validate'>,
  environment: StepEnvironment,
): Promise<JobResultOf<'ValidateResult'>> {
  const deadline = Date.now() + input.timeoutSeconds * 1000;
  const stop = environment.signal;
  for (;;) {
    const left = Math.max(1, deadline - Date.now());
    const timeoutMs = Math.min(REQUEST_TIMEOUT_MS, left);
    const checks = await Promise.all(input.http.map(check => ask(check, timeoutMs, stop)));
    const failed = checks.filter(check => check.answer === 'Failed');
    const base = { kind: 'ValidateResult', contract: CONTRACT_VERSION, notes: [], checks } as const;
    if (failed.length === 0) return { ...base, notes: [], exitCode: 0 };
    environment.log(`${failed.length} of ${checks.length} checks failed: ${failed.map(described).join(', ')}`);
    if (stop?.aborted) {
      return { ...base, notes: [], ...failureOf(failure('Interrupted', { during: 'during the checks' })) };
    }
    if (Date.now() + PAUSE_MS >= deadline) {
      const first = failed.map(described).slice(0, 3).join(', ');
      return {
        ...base,
        notes: [],
        ...failureOf(failure('ValidationFailed', { failed: failed.length, of: checks.length, first })),
      };
    }
    await after(PAUSE_MS, undefined, stop === undefined ? {} : { signal: stop }).catch(() => {});
  }
}

const described = (check: Answer) => `${check.name}: ${check.message}`;

/** One request; redirects are not followed, so that a redirect can be what is expected. */
async function ask(check: Check, timeoutMs: number, stop: AbortSignal | undefined): Promise<Answer> {
  const limit = AbortSignal.timeout(timeoutMs);
  const signal = stop === undefined ? limit : AbortSignal.any([limit, stop]);
  try {
    const response = await fetch(check.url, { redirect: 'manual', signal, headers: { connection: 'close' } });
    await response.body?.cancel();
    const hasPassed = response.status === check.expectedStatus;
    const message = hasPassed ? String(response.status) : `status ${response.status}, expected ${check.expectedStatus}`;
    return { name: check.name, answer: hasPassed ? 'Passed' : 'Failed', message };
  } catch (error) {
    const message = limit.aborted ? `no answer within ${Math.round(timeoutMs / 100) / 10} s` : reasonOf(error);
    return { name: check.name, answer: 'Failed', message };
  }
}

/** The code of a network failure; other texts may quote the URL. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  const code = (cause as NodeJS.ErrnoException | undefined)?.code;
  const reasons: Readonly<Record<string, string>> = {
    ECONNREFUSED: 'connection refused',
    ENOTFOUND: 'its name cannot be resolved',
    EAI_AGAIN: 'its name cannot be resolved at the moment',
    ECONNRESET: 'the connection was reset',
  };
  return reasons[code ?? ''] ?? code ?? 'the request failed';
}
