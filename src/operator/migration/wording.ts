// Words that several messages share: a message for a person states the fact, then the remedy, in whole sentences.
import { withoutUrlPasswords } from '../../api/secrets.ts';

/** How to ask for one more try; follows "or", "then" or "To try again,". */
export const RETRY = 'annotate the resource with migrations.truledgr.app/retry=<any new value>';

/** Somebody else's words (kubelet's, the scheduler's) as a part of a sentence of ours: without its full stop. */
export function phrase(text: string): string {
  return text.trim().replace(/(?<![.;:\s])[.;:\s]+$/, '');
}

/** The same as a sentence of its own: with one full stop. */
export function sentence(text: string): string {
  return /[.!?]$/.test(text.trim()) ? text.trim() : `${phrase(text)}.`;
}

/** Longest message of an Event that the API server takes. */
const EVENT_LENGTH = 1024;

/** What is longer than an Event may be ends in a sign of it. */
export function cut(text: string): string {
  return text.length <= EVENT_LENGTH ? text : `${text.slice(0, EVENT_LENGTH - 1)}…`;
}

/** What libpq and JSON call a password. */
const PASSWORD = /(\bpg_?password=|\bpassword=|\bpasswd=|\bpwd=|"password\\?"\s*:\s*\\?")[^\s"'&;,\\]+/gi;

/**
 * What others say (the last lines of a log, the kubelet, an app that is checked) as it may be shown. The runner hides its
 * own secrets; of a container that crashed nobody has.
 */
export function withoutSecrets(text: string): string {
  return withoutUrlPasswords(text).replace(PASSWORD, '$1***');
}
