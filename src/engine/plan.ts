// Decides what would run: compares files with the ledger and the target. Pure: no database, no clock. Called by `plan`
// to show it and by `migrate` to do it, so that both say the same.
import { contradictions, renamedToBeRun } from './contradictions.ts';
import { type EngineError, failure, gathered } from './errors.ts';
import { wayDownOf } from './layouts/names.ts';
import { type Ledger, ledgerDigest } from './ledger/ledger.ts';
import { planRepeatables, type RepeatablePlan } from './repeatables.ts';
import type { PlannedReversal } from './reversal.ts';
import { numberOf, type Source } from './source/files.ts';
import { longNames } from './source/long-names.ts';
import { nearNames } from './source/near-names.ts';
import type { Migration, Repeatable } from './sql/script.ts';
import type { ParsedFile } from './sql/statements.ts';

/** The target below the first migration: everything is reverted. */
export const EMPTY_TARGET = 'empty';

export interface MigrationPlan {
  /** The target with `latest` resolved; `empty` when everything is to be taken back. */
  readonly target: string;
  /** `Up` too where the version stays and only repeatable migrations are to be run. */
  readonly direction: 'Up' | 'None' | 'Down';
  /** In order. Empty unless the direction is Up. */
  readonly pending: readonly Migration[];
  /** What is to be taken back, highest first. Empty unless the direction is Down; completed by reversal.ts. */
  readonly reverts: readonly PlannedReversal[];
  /** New and changed ones, to be run after all that. */
  readonly repeatables: readonly Repeatable[];
  /** Digest of the ledger once all of it is done: where repeatables are run, the version alone does not tell that. */
  readonly goalDigest: string;
  readonly notes: readonly string[];
}

/** Compares. Throws VersionTooLong, FileChanged, AppliedRenamed, OutOfOrder or UnknownTarget, every mistake at once. */
export function planMigrations(source: Source, ledger: Ledger, target: string): MigrationPlan {
  const applied = new Map(ledger.applied.map(row => [row.version, row]));
  const current = ledger.applied.at(-1)?.number ?? -1n;
  throwAll([...longNames(source, ledger), ...contradictions(source, ledger)]);
  const resolved = resolveTarget(source, ledger, target);
  const wanted = resolved === EMPTY_TARGET ? -1n : numberOf(resolved);
  const again = planRepeatables(source, ledger);
  // Below the first version there is nothing on which they could stand.
  const repeatables = resolved === EMPTY_TARGET ? [] : again.toRun;
  const isHigher = wanted > current || (wanted === current && repeatables.length > 0);
  const direction = isHigher ? 'Up' : wanted < current ? 'Down' : 'None';
  const pending = source.migrations.filter(
    migration => !applied.has(migration.version) && migration.number > current && migration.number <= wanted,
  );
  throwAll(renamedToBeRun(pending, source, ledger));
  const reverts = direction === 'Down' ? revertsOf(source, ledger, wanted) : [];
  const isBelowHighest = wanted < (source.migrations.at(-1)?.number ?? wanted);
  return Object.freeze({
    target: resolved,
    direction,
    pending: Object.freeze(direction === 'Up' ? pending : []),
    reverts: Object.freeze(reverts),
    repeatables: Object.freeze(repeatables),
    goalDigest: digestAfter(ledger, { pending, reverts, repeatables }),
    notes: Object.freeze([
      ...notesOf(source, ledger, { pending, reverts, repeatables }),
      ...notesOfRepeatables(again, repeatables, direction, isBelowHighest ? 'Below' : 'Highest'),
    ]),
  });
}

function throwAll(errors: readonly EngineError[]): void {
  if (errors.length > 0) throw gathered(errors);
}

/** The digest that the ledger has when all of a plan is done. */
function digestAfter(
  ledger: Ledger,
  { pending, reverts, repeatables }: Pick<MigrationPlan, 'pending' | 'reverts' | 'repeatables'>,
): string {
  const gone = new Set(reverts.map(one => one.version));
  const applied = ledger.applied.filter(row => !gone.has(row.version));
  const added = pending.map(({ version, up }) => ({ version, upChecksum: up.checksum }));
  const ran = new Map(ledger.repeatables.map(row => [row.version, row.checksum]));
  for (const { version, up } of repeatables) ran.set(version, up.checksum);
  return ledgerDigest(
    [...applied, ...added],
    [],
    [...ran].map(([version, checksum]) => ({ version, checksum })),
  );
}

function revertsOf(source: Source, ledger: Ledger, wanted: bigint): readonly PlannedReversal[] {
  const files = new Map(source.migrations.map(migration => [migration.version, migration]));
  return ledger.applied
    .filter(row => row.number > wanted)
    .map(({ version, number, upChecksum }) => {
      const file = files.get(version);
      const origin = file === undefined ? 'Ledger' : 'Source';
      const wayDown = wayDownOf(source.layout, version);
      return Object.freeze({ version, number, upChecksum, origin, down: file?.down, up: file?.up, wayDown });
    })
    .reverse();
}

function resolveTarget(source: Source, ledger: Ledger, target: string): string {
  if (target === EMPTY_TARGET) return target;
  const highest = source.migrations.at(-1);
  if (highest === undefined) throw failure('NoMigrations', { directory: source.directory, ignored: source.ignored });
  if (target === 'latest') {
    const current = ledger.applied.at(-1);
    return current !== undefined && current.number > highest.number ? current.version : highest.version;
  }
  const known = [...source.migrations.map(one => one.version), ...ledger.applied.map(one => one.version)];
  if (known.includes(target)) return target;
  throw failure('UnknownTarget', { target, near: nearNames(target, [...new Set(known)]), highest: highest.version });
}

function notesOf(
  source: Source,
  ledger: Ledger,
  { pending, reverts, repeatables }: Pick<MigrationPlan, 'pending' | 'reverts' | 'repeatables'>,
): readonly string[] {
  const files = new Map(source.migrations.map(migration => [migration.version, migration]));
  const notes: string[] = [];
  const add = (versions: readonly string[], text: string) => {
    if (versions.length > 0) notes.push(`${text}: ${named(versions)}`);
  };
  add(
    pending.filter(one => one.down === undefined).map(one => one.version),
    'cannot be downgraded, for want of a down script',
  );
  add(
    ledger.applied.filter(row => !files.has(row.version)).map(row => row.version),
    'applied, but not among the files',
  );
  add(
    ledger.applied
      .filter(row => files.has(row.version) && (files.get(row.version)?.down?.checksum ?? null) !== row.downChecksum)
      .map(row => row.version),
    'down script changed since it was applied',
  );
  const half = [...new Set(ledger.progress.map(row => row.version))];
  const isNext = new Set([...pending, ...reverts, ...repeatables].map(one => one.version));
  add(
    half.filter(version => isNext.has(version)),
    'half done, to be gone on with',
  );
  add(
    half.filter(version => !isNext.has(version)),
    'half done, and left so by this target (docs/downgrade.md tells the ways back)',
  );
  return notes;
}

function notesOfRepeatables(
  { toRun, unchanged, removed }: RepeatablePlan,
  repeatables: readonly Repeatable[],
  direction: MigrationPlan['direction'],
  place: 'Below' | 'Highest',
): readonly string[] {
  const isRun = repeatables.length > 0;
  const names = toRun.map(one => one.version);
  const isDown = direction === 'Down';
  const stay = isDown ? [...unchanged, ...(isRun ? [] : names)] : [];
  return [
    { of: isRun && isDown ? names : [], text: 'repeatable, to be run after the way down, for their text is another' },
    { of: stay, text: 'repeatable, without a way down: what they made stays' },
    {
      of: isRun && !isDown && place === 'Below' ? names : [],
      text: 'repeatable, to be run although files above the target are not',
    },
    { of: removed, text: 'repeatable, no longer among the files: what they made stays' },
  ].flatMap(({ of, text }) => (of.length === 0 ? [] : [`${text}: ${named(of)}`]));
}

function named(versions: readonly string[]): string {
  const shown = versions.slice(0, 3).join(', ');
  return versions.length > 3 ? `${shown} and ${versions.length - 3} more` : shown;
}

export type TransactionMode = 'PerRun' | 'PerMigration';

/** One transaction for all pending files, or one each: what was asked for, and what the statements allow. */
export function transactionMode(
  files: readonly ParsedFile[],
  asked: 'Auto' | TransactionMode,
  strategy: 'Recreate' | 'Rolling' | 'None',
): { readonly mode: TransactionMode; readonly notes: readonly string[] } {
  if (asked === 'PerMigration' || (asked === 'Auto' && strategy !== 'Recreate'))
    return { mode: 'PerMigration', notes: [] };
  const hindering = files.find(file => !file.transactional);
  if (hindering === undefined) return { mode: 'PerRun', notes: [] };
  const alone = hindering.segments.find(segment => segment.kind === 'Alone');
  const isMarked = hindering.directives.noTransaction;
  const why =
    alone?.kind === 'Alone'
      ? `statement ${alone.statement.number} must stand alone`
      : `it is ${isMarked ? 'marked no-transaction' : 'half done'}`;
  return { mode: 'PerMigration', notes: [`each migration is a transaction of its own: in ${hindering.file} ${why}`] };
}
