// Functions and procedures: the server's own CREATE OR REPLACE. One that has to go before its like can come (other names of
// arguments, another result) goes early, any other late, when nothing uses it any more.
import type { Draft } from './draft.ts';
import { type Item, text } from './items.ts';
import { baseName, namesIn } from './names.ts';

export function writeRoutines(draft: Draft): void {
  const { dropped, added, changed } = draft.change;
  for (const item of dropped.filter(isRoutine)) dropRoutine(draft, item);
  for (const item of added.filter(isRoutine)) createRoutine(draft, item);
  for (const { from, to } of changed.filter(one => isRoutine(one.to))) {
    if (text(from, 'definition') !== text(to, 'definition')) createRoutine(draft, to);
  }
}

const isRoutine = ({ kind }: Item) => kind === 'function' || kind === 'procedure';
/** Without its body, which is a text to PostgreSQL until it runs. */
const headOf = (item: Item) => text(item, 'definition').replace(/\nAS [\s\S]*$/, '');

function dropRoutine(draft: Draft, item: Item): void {
  // A range type that is there before and after, and is another, keeps what it made: that is told with it.
  if (draft.change.before.parentsOf(item).length > 0) return;
  draft.claim(item);
  const { added, dropped } = draft.change;
  const base = baseName(item.name);
  const mentioned = namesIn(headOf(item));
  const isInTheWay = added.some(one => isRoutine(one) && baseName(one.name) === base);
  const standsOn = dropped.filter(one => !isRoutine(one) && one.name !== item.name && mentioned.has(one.name));
  const early = standsOn.some(one => one.kind.endsWith('view')) ? 'drop views' : 'drop in the way';
  draft.write(isInTheWay || standsOn.length > 0 ? early : 'drop late', `DROP ${item.kind.toUpperCase()} ${item.name}`, {
    names: [base],
    needs: headOf(item),
  });
}

function createRoutine(draft: Draft, item: Item): void {
  const makers = draft.change.after.parentsOf(item);
  if (makers.length > 0) {
    if (makers.every(range => draft.change.added.includes(range))) draft.claim(item);
    return;
  }
  draft.claimOf(item, 'definition');
  const names = [baseName(item.name)];
  draft.write('routines', text(item, 'definition').trimEnd(), { names, needs: headOf(item) });
}

/** Whether the file makes routines whose bodies the server would check too early. */
export const makesRoutines = ({ pieces }: Draft): boolean =>
  pieces.some(piece => piece.stage === 'routines' && /\nAS /.test(piece.sql));
