// From two snapshots of PostgreSQL, the text of a migration file that leads from the one to the other: statements in an order
// that the server takes, comments where a person has to look, and at the end, by name, everything that is not written. Never
// guesses a rename; never leaves a difference out in silence. Pure; the grammar must be loaded. Called by the command line.
//
//   const { text, statements, unsaid } = statementsBetween(stored, live, { role: 'owner', printed, serverMajor: 15 });
import type { SnapshotEntry } from '../snapshot.ts';
import { changeBetween } from './change.ts';
import { writeComments } from './comments.ts';
import { writeConstraints, writeIndexes } from './constraints.ts';
import { Draft } from './draft.ts';
import { type Runner, writeRights } from './grants.ts';
import { writeHanging } from './hanging.ts';
import { ordered } from './order.ts';
import { writePlaces } from './places.ts';
import { makesRoutines, writeRoutines } from './routines.ts';
import { writeSequences } from './sequences.ts';
import { writeTables } from './tables.ts';
import { type Script, scriptOf } from './text.ts';
import { addedValues, usesValue, writeTypes } from './types.ts';
import { type Printed, writeViews } from './views.ts';

export interface Writing extends Runner {
  /** The texts of the later schema's views as the server prints them. */
  readonly printed: Printed;
  readonly serverMajor: number;
}

/** The statements that make of the schema `before` the schema `after`. */
export function statementsBetween(
  before: readonly SnapshotEntry[],
  after: readonly SnapshotEntry[],
  writing: Writing,
): Script {
  const draft = new Draft(changeBetween(before, after));
  writePlaces(draft);
  writeTypes(draft);
  writeSequences(draft, writing.serverMajor);
  writeTables(draft, writing.serverMajor);
  writeConstraints(draft);
  writeIndexes(draft);
  writeRoutines(draft);
  writeViews(draft, writing.printed);
  writeHanging(draft);
  writeRights(draft, writing);
  writeComments(draft);
  const pieces = ordered(draft.pieces);
  const values = addedValues(draft);
  const isUsed = values.some(value => pieces.some(({ sql }) => usesValue(sql, value)));
  const directives = isUsed || (values.length > 0 && writing.serverMajor < 12) ? ['-- migrate: no-transaction'] : [];
  const settings = makesRoutines(draft) ? ['SET check_function_bodies TO off'] : [];
  return scriptOf({ directives, settings, pieces, remarks: draft.remarks, unsaid: draft.unsaid });
}
