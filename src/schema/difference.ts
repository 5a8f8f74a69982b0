// Compares two snapshots object by object and says it in words: added, removed, changed, and of a change which property
// from what to what. Pure. Called by drift, `check`, `create --from-diff` and the round trip of `test-copy`.
//
//   const { differences, acrossMajors } = compareSnapshots(before, after, { owners: 'Compared' });
//   differences.map(describeDifference)       // ["table public.users: column email added …", …]

export interface PropertyChange {
  readonly property: string;
  readonly from: string;
  readonly to: string;
}

export interface Difference {
  readonly change: 'Added' | 'Removed' | 'Changed';
  /** `table`, `column`, `index`, … */
  readonly kind: string;
  readonly name: string;
  /** Of a change: what is other; else empty. */
  readonly properties: readonly PropertyChange[];
}

export interface Comparison {
  readonly differences: readonly Difference[];
}
