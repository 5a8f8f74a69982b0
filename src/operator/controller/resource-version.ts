// Which of two resourceVersions of one resource is newer. Since Kubernetes 1.35 clients may compare them as integers of
// any length (KEP-5504, https://www.kubernetes.dev/resources/keps/5504/); 1.34 keeps them the same way without
// promising it. What does not look like one is incomparable, and callers then fall back to equality.

export type Order = 'older' | 'same' | 'newer' | 'unknown';

/** "0" stands for "any version" in requests and is never a real one. */
const DECIMAL = /^[1-9][0-9]*$/;

/** What `left` is, seen from `right`: `compareVersions('9', '10')` is `older`. */
export function compareVersions(left: string | undefined, right: string | undefined): Order {
  if (left === undefined || right === undefined) return 'unknown';
  if (left === right) return 'same';
  if (!DECIMAL.test(left) || !DECIMAL.test(right)) return 'unknown';
  if (left.length !== right.length) return left.length < right.length ? 'older' : 'newer';
  return left < right ? 'older' : 'newer';
}
