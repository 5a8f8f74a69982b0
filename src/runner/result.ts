// Turns what a step found, or the way it failed, into the one JSON that the operator reads: at most 4,096 bytes, an error
// of at most 1,500, cut at character boundaries, without a credential. Pure. Called by run.ts; main.ts writes it out.
import type { ExitCode } from '../api/exit-codes.ts';
import {
  CONTRACT_VERSION,
  type JobError,
  type JobResult,
  type JobResultOf,
  RESULT_KIND,
  type StepName,
  TERMINATION_MESSAGE_BYTES,
} from '../api/job-contract.ts';
import { withoutSecrets } from '../api/secrets.ts';
import { QueryError } from '../engine/connection.ts';
import { unforeseenMessage } from '../engine/server-message.ts';
import { catalogued } from '../engine/unforeseen.ts';

export const ERROR_MESSAGE_BYTES = 1_500;
const NOTE_BYTES = 200;
const CHECK_MESSAGE_BYTES = 120;

/** How an error ends the Job. An error that is not of the catalogue is a bug: exit code 70, which the table does not know. */
export const CRASH_EXIT_CODE = 70;

export interface Failure {
  readonly error: JobError;
  readonly exitCode: ExitCode | typeof CRASH_EXIT_CODE;
}

/** The error part of a result. */
export function failureOf(error: unknown, signal?: AbortSignal): Failure {
  const known = catalogued(error, signal);
  if (known !== undefined) {
    const { migration, statement, sqlstate, line } = known.place;
    return {
      exitCode: known.exitCode,
      error: {
        code: known.code,
        message: known.message,
        ...(migration === undefined ? {} : { migration }),
        ...(statement === undefined ? {} : { statement }),
        ...(sqlstate === undefined ? {} : { sqlstate }),
        ...(line === undefined ? {} : { line }),
      },
    };
  }
  const said = error instanceof QueryError ? unforeseenMessage(error) : undefined;
  const text = error instanceof Error ? `${error.name}: ${said ?? error.message}` : String(error);
  return { exitCode: CRASH_EXIT_CODE, error: { code: 'InternalError', message: `This is a mistake of ours: ${text}` } };
}

/** A result that says only how the step failed. */
export function failedResult(step: StepName, error: unknown, signal?: AbortSignal): JobResult {
  const base = { contract: CONTRACT_VERSION, ...failureOf(error, signal), notes: [] as string[] } as const;
  const kind = RESULT_KIND[step];
  if (kind === 'MigrateResult') return { kind, ...base, wrote: false };
  if (kind === 'ValidateResult') return { kind, ...base, checks: [] };
  return { kind, ...base };
}

/** Fits a result into its budget, with every secret hidden. What cannot be cut (digests, versions) is small. */
export function fitted(result: JobResult, secrets: readonly string[]): JobResult {
  let current = hidden(result, secrets);
  current = { ...current, notes: current.notes.slice(0, 10).map(note => cutToBytes(note, NOTE_BYTES)) };
  if (current.error !== undefined) {
    current = {
      ...current,
      error: { ...current.error, message: cutToBytes(current.error.message, ERROR_MESSAGE_BYTES) },
    };
  }
  if (current.kind === 'ValidateResult') {
    const checks = current.checks.map(check => ({ ...check, message: cutToBytes(check.message, CHECK_MESSAGE_BYTES) }));
    current = { ...current, checks };
  }
  for (const shorten of SHORTENINGS) {
    for (let tries = 0; tries < 40 && bytesOf(current) > TERMINATION_MESSAGE_BYTES; tries += 1)
      current = shorten(current);
  }
  return current;
}

export function bytesOf(result: JobResult): number {
  return Buffer.byteLength(JSON.stringify(result), 'utf8');
}

/** In this order until it fits: notes go first, then names from the end of lists, then the error's tail. */
const SHORTENINGS: readonly ((result: JobResult) => JobResult)[] = [
  result => ({ ...result, notes: result.notes.slice(0, -1) }),
  shortenNames,
  result => (result.kind === 'ValidateResult' ? shortenChecks(result) : result),
  result =>
    result.error === undefined
      ? result
      : {
          ...result,
          error: { ...result.error, message: cutToBytes(result.error.message, bytes(result.error.message) - 100) },
        },
];

function shortenNames(result: JobResult): JobResult {
  if (result.kind === 'PlanResult' && result.plan !== undefined) {
    const { downgrade, ...plan } = result.plan;
    const pendingFirst = plan.pendingFirst.slice(0, -1);
    if (downgrade === undefined) return { ...result, plan: { ...plan, pendingFirst } };
    const [reverts, losses] = [downgrade.reverts.slice(0, -1), downgrade.losses.slice(0, -1)];
    return { ...result, plan: { ...plan, pendingFirst, downgrade: { ...downgrade, reverts, losses } } };
  }
  if (result.kind === 'SettleResult' && result.ledger !== undefined) {
    const { appliedByRun, revertedByRun, ...ledger } = result.ledger;
    const reverted = revertedByRun === undefined ? {} : { revertedByRun: revertedByRun.slice(0, -1) };
    return { ...result, ledger: { ...ledger, appliedByRun: appliedByRun.slice(0, -1), ...reverted } };
  }
  return result;
}

function shortenChecks(result: JobResultOf<'ValidateResult'>): JobResult {
  const most = Math.max(20, ...result.checks.map(check => bytes(check.message))) - 10;
  return { ...result, checks: result.checks.map(check => ({ ...check, message: cutToBytes(check.message, most) })) };
}

const bytes = (text: string) => Buffer.byteLength(text, 'utf8');

/** Cuts at a character boundary and marks the cut; never longer than `most` bytes. */
export function cutToBytes(text: string, most: number): string {
  if (bytes(text) <= most) return text;
  const room = Math.max(0, most - bytes('…'));
  let used = 0;
  let kept = '';
  for (const character of text) {
    used += bytes(character);
    if (used > room) break;
    kept += character;
  }
  return `${kept}…`;
}

/** Only free text is searched: a digest that happens to hold a short password must stay what it is. */
function hidden(result: JobResult, secrets: readonly string[]): JobResult {
  const clean = (text: string) => withoutSecrets(text, secrets);
  const { error } = result;
  const shown = {
    ...result,
    notes: result.notes.map(clean),
    ...(error === undefined ? {} : { error: { ...error, message: clean(error.message) } }),
  };
  if (shown.kind !== 'ValidateResult') return shown;
  return { ...shown, checks: shown.checks.map(check => ({ ...check, message: clean(check.message) })) };
}
