// Settings that a file carries in comments of its head: `-- migrate: no-transaction lock-timeout=10s`. Pure. A mistyped
// one is an error: a setting that silently does nothing is worse than none. Called by statements.ts.
import { type EngineError, failure } from '../errors.ts';

export interface Directives {
  /** Every statement that may commit by itself is run outside a transaction. */
  readonly noTransaction: boolean;
  readonly lockTimeoutMs: number | undefined;
  readonly statementTimeoutMs: number | undefined;
  readonly role: string | undefined;
}

export const NO_DIRECTIVES: Directives = Object.freeze({
  noTransaction: false,
  lockTimeoutMs: undefined,
  statementTimeoutMs: undefined,
  role: undefined,
});

/** A file's word that it is not to be wrapped in a transaction: it goes with the text wherever that is kept. */
export const NO_TRANSACTION_LINE = '-- migrate: no-transaction';

const LINE = /^[ \t]*--[ \t]*migrate:(.*)$/gm;
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, min: 60_000, h: 3_600_000 };
const REMEDY =
  'Known are no-transaction, lock-timeout=5s, statement-timeout=10min (units ms, s, min, h) and role=name.';

/** Whether a piece of text between statements holds a setting, which then stands too late to be honoured. */
export function hasDirective(text: string): boolean {
  return text.search(LINE) >= 0;
}

/** Reads the settings in the text before the first statement; what is wrong is added to `errors`. */
export function readDirectives(file: string, head: string, errors: EngineError[]): Directives {
  let directives = NO_DIRECTIVES;
  for (const match of head.matchAll(LINE)) {
    const words = (match[1] ?? '')
      .trim()
      .split(/\s+/)
      .filter(word => word !== '');
    if (words.length === 0) errors.push(failure('BadDirective', { file, directive: '', remedy: REMEDY }));
    for (const word of words) {
      const next = withWord(directives, word);
      if (next === undefined) errors.push(failure('BadDirective', { file, directive: word, remedy: REMEDY }));
      else directives = next;
    }
  }
  return directives;
}

function withWord(directives: Directives, word: string): Directives | undefined {
  if (word === 'no-transaction') return { ...directives, noTransaction: true };
  const [, name, value] = /^([a-z-]+)=(.+)$/.exec(word) ?? [];
  if (name === undefined || value === undefined) return undefined;
  if (name === 'role') return { ...directives, role: value };
  const milliseconds = durationOf(value);
  if (milliseconds === undefined) return undefined;
  if (name === 'lock-timeout') return { ...directives, lockTimeoutMs: milliseconds };
  if (name === 'statement-timeout') return { ...directives, statementTimeoutMs: milliseconds };
  return undefined;
}

function durationOf(text: string): number | undefined {
  const [, digits, unit] = /^([0-9]{1,9})(ms|s|min|h)$/.exec(text) ?? [];
  const factor = unit === undefined ? undefined : UNIT_MS[unit];
  if (digits === undefined || factor === undefined) return undefined;
  const milliseconds = Number(digits) * factor;
  return milliseconds <= 2_147_483_647 ? milliseconds : undefined;
}
