// Order of version names: by their leading number, compared as an integer of any size.

/** The leading number of a version name such as `006_ledger_tables`; undefined when there is none. */
export function versionNumber(version: string): bigint | undefined {
  const digits = /^[0-9]{1,18}(?=_|$)/.exec(version)?.[0];
  return digits === undefined ? undefined : BigInt(digits);
}

/** Negative, zero or positive as `a` is lower than, equal to or higher than `b`; null (nothing applied) is lowest. */
export function compareVersions(a: string | null, b: string | null): number {
  const [left, right] = [a === null ? -1n : (versionNumber(a) ?? -1n), b === null ? -1n : (versionNumber(b) ?? -1n)];
  return left < right ? -1 : left > right ? 1 : 0;
}
