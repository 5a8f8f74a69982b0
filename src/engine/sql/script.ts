// A migration as text: its version, its place in the order, and a script for each way. Reads bytes, never a file system.
// Made by the layouts, run by everything else in the engine.
import { sha256 } from '../../api/digest.ts';
import { failure } from '../errors.ts';

/** One direction of a migration. */
export interface Script {
  /** Name for messages: `001_users.up.sql`, or `20240101_users/up.sql`. */
  readonly file: string;
  /** Text without a byte order mark; line ends as they are. */
  readonly text: string;
  /** SHA-256 over the file's bytes, byte order mark and line ends included. */
  readonly checksum: string;
  /** The file's own tool was told not to wrap it in a transaction. */
  readonly noTransaction?: boolean;
}

export interface Migration {
  /** What its own tool calls it: the stem of the file's or folder's name, `001_users`. */
  readonly version: string;
  /** The number that the version begins with: the order. */
  readonly number: bigint;
  readonly up: Script;
  readonly down: Script | undefined;
}

/** A script without a number, run again whenever its text changes (Flyway's `R__views.sql`). It has no way back. */
export interface Repeatable {
  /** The stem of its file's name, `R__views`: stands where a version's name stands in plans, messages and the audit. */
  readonly version: string;
  readonly up: Script;
}

/** The note of a script in which nothing but comments was found: most often one that somebody has forgotten to write. */
export function nothingToRun({ file }: Pick<Script, 'file'>): string {
  return `${file} has no statements: it does nothing; write it before it is applied`;
}

/** Without `stream` it keeps nothing from one call to the next. */
const UTF8 = new TextDecoder('utf-8', { fatal: true });

/** Decodes a file: UTF-8 or an error, a byte order mark removed, no NUL (the grammar would end there in silence). */
export function decodeScript(file: string, bytes: Uint8Array): Script {
  const checksum = sha256(bytes);
  if (bytes[0] === 0xff || bytes[0] === 0xfe) throw failure('BadFileText', { file, reason: 'is UTF-16' });
  let text: string;
  try {
    text = UTF8.decode(bytes);
  } catch {
    throw failure('BadFileText', { file, reason: `is not UTF-8 (line ${firstBadLine(bytes)})` });
  }
  if (text.includes('\0')) throw failure('BadFileText', { file, reason: 'holds a NUL character' });
  return Object.freeze({ file, text, checksum });
}

function firstBadLine(bytes: Uint8Array): number {
  const lines = Buffer.from(bytes).toString('latin1').split('\n');
  const bad = lines.findIndex(
    line => !Buffer.from(line, 'latin1').equals(Buffer.from(Buffer.from(line, 'latin1').toString('utf8'), 'utf8')),
  );
  return bad + 1;
}
