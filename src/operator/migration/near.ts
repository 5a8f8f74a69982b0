// Names of objects that a mistyped one may have meant. Pure; for messages only. Called by observe.ts and workloads.ts.

/** At most three of those that contain it, are contained in it or begin like it; the longest common beginning first. */
export function namesLike(name: string, known: readonly string[]): readonly string[] {
  return known
    .filter(one => one.includes(name) || name.includes(one) || commonLength(one, name) >= 4)
    .toSorted((a, b) => commonLength(b, name) - commonLength(a, name) || a.localeCompare(b))
    .slice(0, 3);
}

function commonLength(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length += 1;
  return length;
}
