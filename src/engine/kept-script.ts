// A down script as the ledger keeps it, in case its files are gone when it is needed: what is written, and how it is read back.
// What another file said of it (Diesel's metadata.toml, Flyway's .sql.conf) must go with it, and its checksum must stay that of
// its file, by which the source, the signatures and the rows of earlier releases know it. Pure. Called by whoever writes a row of
// the ledger, by reversal.ts and sqlite/ledger.ts.
import { sha256 } from '../api/digest.ts';
import { failure } from './errors.ts';
import { NO_TRANSACTION_LINE } from './sql/directives.ts';
import type { Script } from './sql/script.ts';

const MARK = `${NO_TRANSACTION_LINE}\n`;

/** What is stored: the text, under our own word for what another file said of it. */
export function keptText(script: Script): string {
  return script.noTransaction === true ? MARK + script.text : script.text;
}

/** A down script that a ledger (named for messages) has kept: the one that was stored, or LedgerDamaged is thrown. */
export function keptScript(ledger: string, version: string, stored: string, checksum: string | null): Script {
  const file = `${version}.down.sql`;
  if (checksum !== null) {
    if (isTextOf(stored, checksum)) return Object.freeze({ file, text: stored, checksum });
    // The line is taken off again, so that lines are counted as in the file.
    const text = stored.startsWith(MARK) ? stored.slice(MARK.length) : undefined;
    if (text !== undefined && isTextOf(text, checksum)) {
      return Object.freeze({ file, text, checksum, noTransaction: true });
    }
  }
  const reason = `the down script kept for ${version} is not the one that was stored`;
  throw failure('LedgerDamaged', { schema: ledger, reason }, { migration: version });
}

/** The checksum is over the file's bytes, of which the ledger keeps all but a byte order mark. */
function isTextOf(text: string, checksum: string): boolean {
  return sha256(text) === checksum || sha256(`\uFEFF${text}`) === checksum;
}
