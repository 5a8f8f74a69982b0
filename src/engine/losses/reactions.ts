// What a statement sets off that does not stand in it, by the catalogue: functions that are not PostgreSQL's own, triggers and
// rules for an INSERT. Reads only. Called by loss-counter.ts for the downs, by given-values.ts for the way back.
import type { Connection } from '../connection.ts';
import { HARMLESS_FUNCTIONS } from './harmless.ts';
import { FOREIGN_FUNCTIONS_SQL, REACTIONS_SQL } from './lost-objects.ts';

/** Whether all functions of these names are PostgreSQL's own, and take nothing away. */
export async function areHarmless(connection: Connection, functions: readonly string[]): Promise<boolean> {
  const lists = [JSON.stringify(functions), JSON.stringify([...HARMLESS_FUNCTIONS])];
  return (await connection.query(FOREIGN_FUNCTIONS_SQL, lists)).length === 0;
}

/** Whether an INSERT into the relation of this oid does more than that. */
export async function reactsToInserts(connection: Connection, oid: string): Promise<boolean> {
  return (await connection.query(REACTIONS_SQL, [oid])).length > 0;
}
