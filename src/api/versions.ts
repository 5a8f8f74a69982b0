// Order of version names, by the number that each begins with, in whatever layout its files are written
// (docs/layouts.md), and how long a name may be. Pure; asked by the engine, the command line and the operator alike, so that
// none of them takes two versions for one.

/**
 * Most characters of a version's name, and of a repeatable migration's. The contract with the Jobs goes by it, and so does
 * `maxLength` in crds/databasemigrations.yaml (test/unit/api/versions.test.ts): a longer one could not be told in status.
 */
export const MOST_VERSION_CHARACTERS = 120;

/** As the API server counts `maxLength`: in code points. */
export function charactersOf(version: string): number {
  return [...version].length;
}

/** Flyway compares versions part by part (1.9 < 1.10); each part gets this many digits of the number, for so many parts. */
const PART_DIGITS = 18;
const PARTS = 6;

/**
 * `001_users` → 1, `2014-09-24-113530_users` → 20140924113530, `V1_10__users` → 1 and 10 in parts of 18 digits.
 * Undefined for a name that has none.
 */
export function orderOf(version: string): bigint | undefined {
  const dotted = /^[VU]([0-9]+(?:[._][0-9]+)*)__/.exec(version)?.[1];
  if (dotted !== undefined) return orderOfParts(dotted.split(/[._]/));
  const digits = writtenNumberOf(version)?.replaceAll('-', '');
  return digits === undefined ? undefined : BigInt(digits);
}

/**
 * The number that a name begins with as it is written there: `001`, and of Diesel's names, which go on with `_`, with its dashes,
 * `2014-09-24-113530`. In dbmate's `20230101120000-2fa` the number ends with the first digits.
 */
export function writtenNumberOf(version: string): string | undefined {
  return (/^[0-9][0-9-]*(?=_|$)/.exec(version) ?? /^[0-9]+/.exec(version))?.[0];
}

function orderOfParts(parts: readonly string[]): bigint | undefined {
  if (parts.length > PARTS || parts.some(part => part.replace(/^0+/, '').length > PART_DIGITS)) return undefined;
  const scale = 10n ** BigInt(PART_DIGITS);
  return Array.from({ length: PARTS }, (_, index) => BigInt(parts[index] ?? '0')).reduce(
    (sum, part) => sum * scale + part,
    0n,
  );
}

/** Negative, zero or positive as `a` is lower than, equal to or higher than `b`; null (nothing applied) is lowest. */
export function compareVersions(a: string | null, b: string | null): number {
  const [left, right] = [a === null ? -1n : (orderOf(a) ?? -1n), b === null ? -1n : (orderOf(b) ?? -1n)];
  return left < right ? -1 : left > right ? 1 : 0;
}
