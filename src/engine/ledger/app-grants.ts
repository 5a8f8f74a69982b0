// Who but the owner may do what in the ledger's schema: the application's roles call current_version(), and nobody else has a
// right there. Called by migrate, baseline, and an upgrade that has nothing else to do.
import { type Connection, quoted, type Row, textOf } from '../connection.ts';

/**
 * Lets the application's roles call `current_version()` and takes from everybody what default privileges gave them on
 * the tables, and the right to make something beside them. Answers the roles that do not exist (a migration may make them later).
 */
export async function grantApplication(
  connection: Connection,
  schema: string,
  roles: readonly string[],
): Promise<readonly string[]> {
  const s = quoted(schema);
  const strangers = await connection.query(
    `SELECT c.relname, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS grantee
      FROM pg_catalog.pg_class c, pg_catalog.aclexplode(c.relacl) a
      WHERE c.relnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = $1) AND a.grantee <> c.relowner AND c.relkind = 'r'
      GROUP BY 1, 2
      UNION ALL SELECT NULL, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END
      FROM pg_catalog.pg_namespace n, pg_catalog.aclexplode(n.nspacl) a
      WHERE n.nspname = $1 AND a.grantee <> n.nspowner AND a.privilege_type = 'CREATE'`,
    [schema],
  );
  const statements = strangers.map(row => {
    const of = row.relname == null ? `CREATE ON SCHEMA ${s}` : `ALL ON ${s}.${quoted(row.relname)}`;
    return `REVOKE ${of} FROM ${textOf(row, 'grantee')}`;
  });
  const known = await knownRoles(connection, schema, roles);
  await inOneGo(connection, [...statements, ...ungranted(known).flatMap(name => grantsOf(schema, name))]);
  const names = new Set(known.map(row => textOf(row, 'rolname')));
  return roles.filter(role => !names.has(role));
}

export interface Ungranted {
  /** Those that exist and may not call `current_version()` yet; none where there is no ledger. */
  readonly roles: readonly string[];
  /** The ledger's, who may let them, or another role with its rights. */
  readonly owner: string;
  readonly mayGrant: 'MayGrant' | 'MayNot';
}

/** Undefined where all may. */
export async function ungrantedRoles(
  connection: Connection,
  schema: string,
  roles: readonly string[],
): Promise<Ungranted | undefined> {
  const known = roles.length === 0 ? [] : await knownRoles(connection, schema, roles);
  const names = ungranted(known);
  const [first] = known;
  if (first === undefined || names.length === 0) return undefined;
  return { roles: names, owner: textOf(first, 'owner'), mayGrant: first.mine === 't' ? 'MayGrant' : 'MayNot' };
}

/** Lets roles that exist call `current_version()`, and does nothing else. */
export function grantRoles(connection: Connection, schema: string, roles: readonly string[]): Promise<void> {
  return inOneGo(
    connection,
    roles.flatMap(role => grantsOf(schema, role)),
  );
}

/** What lets a role call `current_version()`: for its owner to run, too. */
export function grantsOf(schema: string, role: string): readonly string[] {
  const [s, to] = [quoted(schema), quoted(role)];
  return [`GRANT USAGE ON SCHEMA ${s} TO ${to}`, `GRANT EXECUTE ON FUNCTION ${s}.current_version() TO ${to}`];
}

function ungranted(known: readonly Row[]): readonly string[] {
  return known.filter(role => role.granted === 'f').map(role => textOf(role, 'rolname'));
}

async function inOneGo(connection: Connection, statements: readonly string[]): Promise<void> {
  if (statements.length === 0) return;
  const begin = 'BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE';
  await connection.query([begin, ONE_AT_A_TIME, ...statements, 'COMMIT'].join('; '));
}

/** Of two that grant at once the server refuses one ("tuple concurrently updated"): the second waits, and grants it again. */
const ONE_AT_A_TIME = `SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('migrate/grants'))`;

/** `granted` is NULL where there is no such schema or function. */
function knownRoles(connection: Connection, schema: string, roles: readonly string[]): Promise<readonly Row[]> {
  return connection.query(
    `SELECT rolname, pg_catalog.has_schema_privilege(r.oid, s.schema, 'USAGE')
          AND pg_catalog.has_function_privilege(r.oid, s.function, 'EXECUTE') AS granted,
        pg_catalog.pg_get_userbyid(p.proowner) AS owner, pg_catalog.pg_has_role(session_user, p.proowner, 'USAGE')
          AND pg_catalog.pg_has_role(session_user, n.nspowner, 'USAGE') AS mine
      FROM pg_catalog.pg_roles r,
        (SELECT pg_catalog.to_regnamespace(pg_catalog.quote_ident($2)) AS schema,
          pg_catalog.to_regprocedure(pg_catalog.quote_ident($2) || '.current_version()') AS function) AS s
        LEFT JOIN pg_catalog.pg_proc p ON p.oid = s.function LEFT JOIN pg_catalog.pg_namespace n ON n.oid = s.schema
      WHERE rolname = ANY (SELECT pg_catalog.json_array_elements_text($1::json)) ORDER BY 1`,
    [JSON.stringify(roles), schema],
  );
}
