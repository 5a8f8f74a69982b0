// Catalogue queries of what is neither the user's nor left alone: rights on objects of PostgreSQL and of extensions that are
// other than initdb or the extension gave them, and what somebody has made in a schema of the system. Nothing of a server on
// which nobody has done so. Called by catalogue.ts only.
import { aclItems, type CatalogueQuery, listedGrants, owner, properties } from './catalogue-sql.ts';

export function systemQueries(): readonly CatalogueQuery[] {
  return [privileges(), systemObjects()];
}

const FIRST_OF_USERS = 16_384;

interface Protected {
  readonly table: string;
  readonly acl: string;
  /** Rights where none are listed. */
  readonly usual: string;
}

const PROTECTED: readonly Protected[] = [
  { table: 'pg_proc', acl: 'proacl', usual: "acldefault('f', proowner)" },
  {
    table: 'pg_class',
    acl: 'relacl',
    usual: `acldefault(CASE relkind WHEN 'S' THEN 's'::"char" ELSE 'r' END, relowner)`,
  },
  { table: 'pg_type', acl: 'typacl', usual: "acldefault('T', typowner)" },
  { table: 'pg_namespace', acl: 'nspacl', usual: "acldefault('n', nspowner)" },
  { table: 'pg_language', acl: 'lanacl', usual: "acldefault('l', lanowner)" },
  { table: 'pg_foreign_data_wrapper', acl: 'fdwacl', usual: "acldefault('F', fdwowner)" },
  { table: 'pg_foreign_server', acl: 'srvacl', usual: "acldefault('S', srvowner)" },
];

/** The schema `public` tells its own; so does every object of the user's. Of information_schema nobody knows what initdb gave. */
function privileges(): CatalogueQuery {
  const objects = PROTECTED.map(
    ({ table, acl, usual }) =>
      `SELECT '${table}'::regclass::oid AS class, oid AS object, 0 AS part, ${acl} AS acl, ${usual} AS usual FROM ${table}`,
  );
  const columns = `SELECT 'pg_class'::regclass::oid, attrelid, attnum::int, attacl, '{}'::aclitem[] FROM pg_attribute WHERE attnum > 0`;
  return {
    kind: 'privileges',
    sql: `SELECT 'on ' || o.type || ' ' || o.identity, ${properties({ grants: listedGrants('coalesce(s.acl, s.usual)') })}
      FROM (${[...objects, columns].join(' UNION ALL ')}) AS s
      LEFT JOIN pg_init_privs i ON i.classoid = s.class AND i.objoid = s.object AND i.objsubid = s.part
      CROSS JOIN LATERAL pg_identify_object(s.class, s.object, s.part) AS o
      WHERE s.acl::text IS DISTINCT FROM i.initprivs::text
        AND (s.object < ${FIRST_OF_USERS} OR EXISTS (SELECT FROM members m WHERE m.classid = s.class AND m.objid = s.object))
        AND coalesce(o.schema, o.identity) <> 'information_schema'
        AND NOT (s.class = 'pg_namespace'::regclass AND o.identity IN ('public', quote_ident($1)))
        AND ${aclItems('coalesce(s.acl, s.usual)')} <> ${aclItems('coalesce(i.initprivs, s.usual)')}`,
  };
}

/** A dump leaves them out. */
function systemObjects(): CatalogueQuery {
  const routine = properties({
    definition: "CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) END",
    owner: owner('p.proowner'),
    grants: listedGrants('p.proacl'),
  });
  const relation = properties({ owner: owner('c.relowner'), grants: listedGrants('c.relacl') });
  const rest = (table: string, oid: string, space: string) =>
    `CROSS JOIN LATERAL pg_identify_object('${table}'::regclass, ${oid}, 0) AS o
      WHERE ${oid} >= ${FIRST_OF_USERS} AND ${space} IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
        AND NOT EXISTS (SELECT FROM members m WHERE m.classid = '${table}'::regclass AND m.objid = ${oid})`;
  return {
    kind: 'system object',
    sql: `SELECT o.type || ' ' || o.identity, ${routine} FROM pg_proc p ${rest('pg_proc', 'p.oid', 'p.pronamespace')}
      UNION ALL SELECT o.type || ' ' || o.identity, ${relation} FROM pg_class c ${rest('pg_class', 'c.oid', 'c.relnamespace')}
        AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')`,
  };
}
