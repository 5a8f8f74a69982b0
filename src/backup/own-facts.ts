// Gives a restored database what belongs to the name of the old one: owner, rights, settings, connection limit, comment.
// A rename loses all of it without a word. Statements for one transaction from another database; the caller begins and ends
// it: rolled back, it is a trial that costs nothing. Called by restore.ts (trial) and swap.ts.
import { type Connection, literal, QueryError, quoted, textOf } from '../engine/connection.ts';
import { failure } from '../engine/errors.ts';
import { findOwnFacts, type OwnFacts } from './facts.ts';

/** Settings that are lists of names: each a constant of its own, or PostgreSQL reads one name with commas in it. */
const LISTS = new Set([
  ...['local_preload_libraries', 'search_path', 'session_preload_libraries', 'shared_preload_libraries'],
  ...['temp_tablespaces', 'unix_socket_directories'],
]);

/** Inside an open transaction. Throws RightMissing, or RestoreFailed where the database then is not what was asked for. */
export async function giveOwnFacts(connection: Connection, database: string, facts: OwnFacts): Promise<void> {
  for (const statement of [
    ...plainStatements(database, facts),
    ...(await rightsStatements(connection, database, facts)),
  ]) {
    try {
      await connection.query(statement);
    } catch (error) {
      throw factFailure(error, statement);
    }
  }
  const found = await findOwnFacts(connection, database);
  const differs = found === undefined ? ['the database itself'] : differencesOf(facts, found);
  if (differs.length === 0) return;
  throw failure('RestoreFailed', { reason: `${differs.join(' and ')} could not be made as the manifest has it` });
}

function plainStatements(database: string, { connectionLimit, comment, settings }: OwnFacts): readonly string[] {
  const d = quoted(database);
  return [
    `ALTER DATABASE ${d} CONNECTION LIMIT ${connectionLimit}`,
    `COMMENT ON DATABASE ${d} IS ${comment === null ? 'NULL' : literal(comment)}`,
    ...settings.map(({ role, setting }) => {
      const equals = setting.indexOf('=');
      const [name, value] = [setting.slice(0, equals), setting.slice(equals + 1)];
      const whose = role === '' ? `ALTER DATABASE ${d}` : `ALTER ROLE ${quoted(role)} IN DATABASE ${d}`;
      return `${whose} SET ${name.split('.').map(quoted).join('.')} TO ${constantOf(name, value)}`;
    }),
  ];
}

function constantOf(name: string, value: string): string {
  if (!LISTS.has(name.toLowerCase())) return literal(value);
  const names = [...value.matchAll(/"((?:[^"]|"")*)"|([^",\s]+)/g)].map(
    ([, inQuotes, bare]) => inQuotes?.replaceAll('""', '"') ?? bare ?? '',
  );
  return names.length === 0 ? "''" : names.map(literal).join(', ');
}

/** From nothing, because the new database has what PostgreSQL gives to every one. */
async function rightsStatements(connection: Connection, database: string, { acl, owner }: OwnFacts) {
  const d = quoted(database);
  const rows = await connection.query(
    `SELECT pg_catalog.pg_get_userbyid(nullif(grantee, 0)) AS role, privilege_type, is_grantable
      FROM (SELECT pg_catalog.array_agg(item::aclitem) AS items FROM pg_catalog.json_array_elements_text($1::json) AS item) AS acl,
        pg_catalog.aclexplode(coalesce(items, pg_catalog.acldefault('d',
          (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = $2)))) AS granted`,
    [JSON.stringify(acl), owner],
  );
  const [me] = await connection.query('SELECT session_user AS role');
  const holders = [...new Set([owner, me?.role ?? owner])].map(quoted);
  return [
    `REVOKE ALL ON DATABASE ${d} FROM PUBLIC, ${holders.join(', ')}`,
    ...rows.map(row => {
      const role = row.role === null || row.role === undefined ? 'PUBLIC' : quoted(row.role);
      const option = row.is_grantable === 't' ? ' WITH GRANT OPTION' : '';
      return `GRANT ${textOf(row, 'privilege_type')} ON DATABASE ${d} TO ${role}${option}`;
    }),
  ];
}

function factFailure(error: unknown, statement: string): unknown {
  if (!(error instanceof QueryError)) return error;
  const place = { sqlstate: error.sqlstate };
  if (error.sqlstate === '42501') {
    const remedy = 'Restore with a role that may, such as the one that made this setting.';
    return failure('RightMissing', { role: undefined, right: `to ${statement} (${error.message})`, remedy }, place);
  }
  return failure('RestoreFailed', { reason: `${statement}: ${error.message}` }, place, { cause: error });
}

function differencesOf(wanted: OwnFacts, found: OwnFacts): readonly string[] {
  const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
  return [
    ...(wanted.owner === found.owner ? [] : [`the owner ${wanted.owner}`]),
    ...(wanted.connectionLimit === found.connectionLimit ? [] : ['the connection limit']),
    ...(wanted.comment === found.comment ? [] : ['the comment']),
    ...(same(wanted.settings, found.settings) ? [] : ['the settings (ALTER DATABASE … SET)']),
    ...(wanted.acl.length === 0 || same(rightsOf(wanted), rightsOf(found)) ? [] : ['the grants']),
  ];
}

/** What each role may, whoever granted it: what another than the owner gave is the owner's grant now. */
function rightsOf({ acl }: OwnFacts): readonly string[] {
  const rights = new Map<string, string>();
  for (const item of acl) {
    const [, role = '', letters = ''] = /^("(?:[^"]|"")*"|[^=]*)=([A-Za-z*]*)/.exec(item) ?? [];
    rights.set(role, (rights.get(role) ?? '') + letters);
  }
  return [...rights]
    .map(([role, letters]) => `${role}=${[...new Set(letters.match(/[A-Za-z]\*?/g))].sort().join('')}`)
    .sort();
}
