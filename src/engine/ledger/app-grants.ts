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
  for (const name of ungranted(known)) {
    statements.push(`GRANT USAGE ON SCHEMA ${s} TO ${quoted(name)}`);
    statements.push(`GRANT EXECUTE ON FUNCTION ${s}.current_version() TO ${quoted(name)}`);
  }
  if (statements.length > 0)
    await connection.query(
      ['BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE', ONE_AT_A_TIME, ...statements, 'COMMIT'].join('; '),
    );
  const names = new Set(known.map(row => textOf(row, 'rolname')));
  return roles.filter(role => !names.has(role));
}

/** Those of the roles that exist and may not call `current_version()` yet. Where there is no ledger: none. */
export async function ungrantedRoles(
  connection: Connection,
  schema: string,
  roles: readonly string[],
): Promise<readonly string[]> {
  return roles.length === 0 ? [] : ungranted(await knownRoles(connection, schema, roles));
}

function ungranted(known: readonly Row[]): readonly string[] {
  return known.filter(role => role.granted === 'f').map(role => textOf(role, 'rolname'));
}

/** Of two that grant at once the server refuses one ("tuple concurrently updated"): the second waits, and grants it again. */
const ONE_AT_A_TIME = `SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('migrate/grants'))`;

/** `granted` is NULL where there is no such schema or function. */
function knownRoles(connection: Connection, schema: string, roles: readonly string[]): Promise<readonly Row[]> {
  return connection.query(
    `SELECT rolname, pg_catalog.has_schema_privilege(oid, s.schema, 'USAGE')
          AND pg_catalog.has_function_privilege(oid, s.function, 'EXECUTE') AS granted
      FROM pg_catalog.pg_roles,
        (SELECT pg_catalog.to_regnamespace(pg_catalog.quote_ident($2)) AS schema,
          pg_catalog.to_regprocedure(pg_catalog.quote_ident($2) || '.current_version()') AS function) AS s
      WHERE rolname = ANY (SELECT pg_catalog.json_array_elements_text($1::json)) ORDER BY 1`,
    [JSON.stringify(roles), schema],
  );
}
