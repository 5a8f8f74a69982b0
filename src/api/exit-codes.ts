// The exit codes of the runner and of the command line, one table for both. The operator reads them from a Job's Pod
// when there is no result to read. Codes 10 to 13 say "nothing was decided, try again"; the others are last words.

/** What an exit code means and whether time may heal it. */
export interface ExitCodeMeaning {
  readonly name: string;
  readonly meaning: string;
  /** `true` for the codes that a later attempt may answer differently without anybody's help. */
  readonly retryable: boolean;
}

export const EXIT_CODES = {
  0: { name: 'Done', meaning: 'done', retryable: false },
  1: { name: 'Found', meaning: 'found something: drift, findings, a failed check', retryable: false },
  2: { name: 'BadInput', meaning: 'bad usage or input', retryable: false },
  10: { name: 'DatabaseUnreachable', meaning: 'the database cannot be reached', retryable: true },
  11: { name: 'LockTimeout', meaning: 'a lock on a table could not be had in time', retryable: true },
  12: {
    name: 'FenceHeld',
    meaning:
      "the migration lock or an earlier attempt's session is still held; or a person stopped the command: by an interrupt, or by a no to its question",
    retryable: true,
  },
  13: { name: 'SessionsRemain', meaning: "sessions of the application's roles are still connected", retryable: true },
  20: { name: 'MigrationFailed', meaning: 'a migration failed', retryable: false },
  21: { name: 'FileChanged', meaning: 'a file was changed after it was applied', retryable: false },
  22: {
    name: 'NotAllowed',
    meaning: 'a right is missing, or the database belongs to another owner',
    retryable: false,
  },
  23: { name: 'NotSigned', meaning: 'the migrations are not signed by a trusted key', retryable: false },
  24: {
    name: 'PlanOutdated',
    meaning: 'the database or the files are not what the plan was made for, or this attempt is stale',
    retryable: false,
  },
  30: { name: 'OutcomeUnknown', meaning: 'the outcome is unknown: stop and ask a person', retryable: false },
} as const satisfies Record<number, ExitCodeMeaning>;

export type ExitCode = keyof typeof EXIT_CODES;

/** Narrows a number to a code of the table; any other code is a crash. */
export function isExitCode(code: number): code is ExitCode {
  return Object.hasOwn(EXIT_CODES, code);
}
