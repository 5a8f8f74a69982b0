// Finds the names that a mistyped one may have meant. Pure; called where a target is not known.

/** At most `most` of the names, nearest first; none when nothing is near. */
export function nearNames(name: string, known: readonly string[], most = 3): readonly string[] {
  const number = /^0*([0-9]+)/.exec(name)?.[1];
  return known
    .map(candidate => ({ candidate, distance: distanceOf(name, candidate, number) }))
    .filter(({ candidate, distance }) => distance <= Math.max(2, Math.floor(candidate.length / 3)))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, most)
    .map(({ candidate }) => candidate);
}

/** The same number, or one name within the other, is as near as one typing error. */
function distanceOf(name: string, candidate: string, number: string | undefined): number {
  if (number !== undefined && /^0*([0-9]+)_/.exec(candidate)?.[1] === number) return 1;
  if (name.length > 2 && candidate.includes(name)) return 1;
  return editDistance(name.toLowerCase(), candidate);
}

function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 20) return Number.POSITIVE_INFINITY;
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const substituted = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min((previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1, substituted));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}
