// Names that are too long to be told in the status of a resource, whatever the layout allows. A new one is refused wherever a
// folder is read; one that a ledger has already (an earlier release let it through) stays as it is, so that a database with
// it can be read, migrated and taken back by the command line. Pure. Called by files.ts, by plan.ts and whoever else
// has read a ledger, and by the runner, whose answer must not hold one.
import { charactersOf, MOST_VERSION_CHARACTERS } from '../../api/versions.ts';
import { type EngineError, failure } from '../errors.ts';
import type { Migration, Repeatable } from '../sql/script.ts';

/**
 * Whether a name may be longer than a status can hold. `ShortOrApplied`: whoever asks for it has a ledger, and holds the names
 * against it (`longNames`). `Any`: what is made of the files does not last, such as a scratch database.
 */
export type NameRule = 'Short' | 'ShortOrApplied' | 'Any';

interface Files {
  readonly migrations: readonly Pick<Migration, 'version'>[];
  readonly repeatables: readonly Pick<Repeatable, 'version'>[];
  readonly names?: NameRule;
}

interface Rows {
  readonly applied: readonly { readonly version: string }[];
  readonly repeatables: readonly { readonly version: string }[];
}

/** VersionTooLong of each version and repeatable migration that is not applied; without a ledger, of each. */
export function longNames({ migrations, repeatables, names }: Files, ledger?: Rows): readonly EngineError[] {
  const long = [...migrations, ...repeatables].filter(({ version }) => isTooLong(version));
  if (long.length === 0 || names === 'Any') return [];
  const applied = new Set([...(ledger?.applied ?? []), ...(ledger?.repeatables ?? [])].map(({ version }) => version));
  return long.filter(({ version }) => !applied.has(version)).map(({ version }) => tooLong(version, 'Files'));
}

/** Throws VersionTooLong for the first of these versions that no answer of a Job can hold. */
export function assertTellable(applied: readonly (string | null)[]): void {
  const long = applied.find(version => version !== null && isTooLong(version));
  if (typeof long === 'string') throw tooLong(long, 'Ledger');
}

export function isTooLong(version: string): boolean {
  return charactersOf(version) > MOST_VERSION_CHARACTERS;
}

function tooLong(version: string, at: 'Files' | 'Ledger'): EngineError {
  const facts = { version, characters: charactersOf(version), most: MOST_VERSION_CHARACTERS, at };
  return failure('VersionTooLong', facts, { migration: version });
}
