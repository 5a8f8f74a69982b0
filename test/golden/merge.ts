// Laying what a case says over what is there: objects key by key, null takes a key away, everything else is replaced.

export type Tree = { [key: string]: unknown };

export function overlay(base: unknown, change: unknown): unknown {
  if (!isTree(change)) return change;
  const merged: Tree = isTree(base) ? { ...base } : {};
  for (const [key, value] of Object.entries(change)) {
    if (value === null) delete merged[key];
    else merged[key] = overlay(merged[key], value);
  }
  return merged;
}

export function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What must be laid over `before` to get `after`; undefined when nothing. A list that changed is shown whole. */
export function difference(before: unknown, after: unknown): unknown {
  if (!isTree(after) || !isTree(before)) return isSame(before, after) ? undefined : (after ?? null);
  const changed: Tree = {};
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const one = difference(before[key], after[key]);
    if (one !== undefined) changed[key] = one;
  }
  return Object.keys(changed).length === 0 ? undefined : changed;
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
