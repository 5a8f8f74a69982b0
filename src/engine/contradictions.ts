// Where the files and the ledger contradict each other, so that nothing may run: an applied file was changed, renamed, or a
// new one sorts before it. Pure. Called by plan.ts for every plan, and by the command line's `current` and `history`.
import { sha256 } from '../api/digest.ts';
import { type EngineError, type Facts, failure } from './errors.ts';
import { renumbered, upFileOf } from './layouts/names.ts';
import type { AppliedMigration, Ledger } from './ledger/ledger.ts';
import type { Source } from './source/files.ts';
import type { Migration, Script } from './sql/script.ts';

type Files = Pick<Source, 'migrations' | 'layout'>;
type Rows = Pick<Ledger, 'applied'>;

/** FileChanged, AppliedRenamed and OutOfOrder, of every file at or below the highest applied version. */
export function contradictions(source: Files, ledger: Rows): readonly EngineError[] {
  return [...changedFiles(source, ledger), ...strayFiles(source, ledger)];
}

/**
 * Of files that are to be run: those with the very text of an applied version whose file is gone. They are that version
 * under a new name, and would do it a second time.
 */
export function renamedToBeRun(pending: readonly Migration[], source: Files, ledger: Rows): readonly EngineError[] {
  const lost = withoutFile(source, ledger);
  if (lost.length === 0) return [];
  const byText = new Map(lost.map(row => [row.upChecksum, row.version]));
  return pending.flatMap(({ version, up }) => {
    const applied = byText.get(up.checksum);
    return applied === undefined ? [] : [renamed(source, version, applied, 'Text')];
  });
}

function changedFiles({ migrations }: Files, { applied }: Rows): readonly EngineError[] {
  const files = new Map(migrations.map(migration => [migration.version, migration.up]));
  return applied.flatMap(({ version, upChecksum }) => {
    const up = files.get(version);
    if (up === undefined || up.checksum === upChecksum) return [];
    const facts = { file: up.file, applied: upChecksum, found: up.checksum, lineEnds: lineEndsOnly(up, upChecksum) };
    return [failure('FileChanged', facts, { migration: version })];
  });
}

/** What the line ends are now, if they are all that differs. */
function lineEndsOnly({ text, checksum }: Script, applied: string): Facts<'FileChanged'>['lineEnds'] {
  const unix = text.replaceAll('\r\n', '\n');
  const windows = unix.replaceAll('\n', '\r\n');
  // The checksum is over the file's bytes, of which the text has all but a byte order mark.
  const mark = sha256(text) === checksum ? '' : '\uFEFF';
  if (sha256(mark + unix) === applied) return 'CRLF';
  return sha256(mark + windows) === applied ? 'LF' : undefined;
}

/** Files that are not applied and whose number is not above what is. */
function strayFiles(source: Files, ledger: Rows): readonly EngineError[] {
  const highest = ledger.applied.at(-1);
  if (highest === undefined) return [];
  const byNumber = new Map(ledger.applied.map(row => [row.number, row.version]));
  const stray = source.migrations.filter(
    ({ version, number }) => number <= highest.number && byNumber.get(number) !== version,
  );
  if (stray.length === 0) return [];
  const byText = new Map(withoutFile(source, ledger).map(row => [row.upChecksum, row.version]));
  const last = source.migrations.at(-1);
  const top = last !== undefined && last.number > highest.number ? last.version : highest.version;
  let step = 0;
  return stray.map(({ version, number, up }) => {
    // Of one number there is one file, so that of an applied one there is none but this.
    const [sameNumber, sameText] = [byNumber.get(number), byText.get(up.checksum)];
    if (sameText !== undefined) return renamed(source, version, sameText, 'Text');
    if (sameNumber !== undefined) return renamed(source, version, sameNumber, 'Number');
    step += 1;
    const facts = { version, applied: highest.version, rename: renumbered(version, top, step) };
    return failure('OutOfOrder', facts, { migration: version });
  });
}

function withoutFile({ migrations }: Files, { applied }: Rows): readonly AppliedMigration[] {
  const files = new Set(migrations.map(({ version }) => version));
  return applied.filter(({ version }) => !files.has(version));
}

function renamed(
  { layout }: Files,
  version: string,
  applied: string,
  same: Facts<'AppliedRenamed'>['same'],
): EngineError {
  return failure('AppliedRenamed', { version, applied, was: upFileOf(layout, applied), same }, { migration: version });
}
