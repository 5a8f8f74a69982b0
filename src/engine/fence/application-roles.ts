// Are the application's roles there? A mistyped one would have no session, and an application that runs would count as
// off. Reads pg_roles only. Called by the plan, before anything is stopped.
import { type Connection, textOf } from '../connection.ts';
import { failure } from '../errors.ts';
import { nearNames } from '../source/near-names.ts';
import type { Migration } from '../sql/script.ts';

/** Throws RoleMissing for roles that neither exist nor are spoken of by a pending migration, which may make them. */
export async function assertRolesExist(
  connection: Connection,
  database: string,
  roles: readonly string[],
  pending: readonly Pick<Migration, 'up'>[],
): Promise<void> {
  if (roles.length === 0) return;
  const rows = await connection.query('SELECT rolname FROM pg_catalog.pg_roles ORDER BY rolname');
  const known = rows.map(row => textOf(row, 'rolname'));
  const missing = roles.filter(role => !known.includes(role) && !pending.some(({ up }) => speaksOf(up.text, role)));
  if (missing.length === 0) return;
  const near = missing.flatMap(role => nearNames(role, known)).filter(role => !role.startsWith('pg_'));
  throw failure('RoleMissing', { roles: missing, near: [...new Set(near)], database });
}

/** As a whole word, in quotes or not. */
function speaksOf(text: string, role: string): boolean {
  const name = role.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
  return new RegExp(`(?<![\\p{L}\\p{N}_$])${name}(?![\\p{L}\\p{N}_$])`, 'iu').test(text);
}
