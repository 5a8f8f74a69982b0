// Which repeatable migrations (Flyway's `R__views.sql`) are to be run, and what becomes of the others: they run after every
// pending version, whatever the target, and again whenever their text is another than the one that ran; a way down they have
// none. Pure; docs/adr/0012-repeatable-migrations.md says why. Called by plan.ts.

import type { Ledger } from './ledger/ledger.ts';
import type { Source } from './source/files.ts';
import type { Repeatable } from './sql/script.ts';

export interface RepeatablePlan {
  /** New, or changed since they ran; in the order in which they run. */
  readonly toRun: readonly Repeatable[];
  /** Ran as they are. */
  readonly unchanged: readonly string[];
  /** Ran, and are no longer among the files: what they made is nobody's to take away. */
  readonly removed: readonly string[];
}

export function planRepeatables({ repeatables }: Pick<Source, 'repeatables'>, ledger: Ledger): RepeatablePlan {
  const ran = new Map(ledger.repeatables.map(row => [row.version, row.checksum]));
  const files = new Set(repeatables.map(one => one.version));
  const toRun = repeatables.filter(({ version, up }) => ran.get(version) !== up.checksum);
  const changed = new Set(toRun.map(one => one.version));
  return {
    toRun,
    unchanged: [...files].filter(version => !changed.has(version)),
    removed: [...ran.keys()].filter(version => !files.has(version)),
  };
}
