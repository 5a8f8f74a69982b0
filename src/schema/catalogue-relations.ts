// Catalogue queries of tables and what hangs on them: columns, constraints, indexes, triggers, rules, policies, sequences,
// views. Called by catalogue.ts only.
import {
  type CatalogueQuery,
  firing,
  flag,
  foreignOptions,
  fullName,
  grants,
  list,
  listedGrants,
  owner,
  properties,
} from './catalogue-sql.ts';

/** PostgreSQL 15.20 keeps a version mark of its own among a column's options; it is no part of the schema. */
const ATTRIBUTE_OPTIONS = list(
  "SELECT item FROM unnest(a.attoptions) AS item WHERE NOT starts_with(item, 'pg_attver=') ORDER BY item",
);
const PARENTS = list('SELECT inhparent::regclass::text FROM pg_inherits i WHERE i.inhrelid = c.oid ORDER BY inhseqno');
const OPTIONS = list('SELECT item FROM unnest(c.reloptions) AS item ORDER BY item');
/** Those of its TOAST table, as ALTER TABLE names them. */
const TOAST_OPTIONS = `CASE WHEN c.reltoastrelid <> 0 THEN ${list(
  "SELECT 'toast.' || item FROM pg_class w CROSS JOIN unnest(w.reloptions) AS item WHERE w.oid = c.reltoastrelid ORDER BY 1",
)} END`;
const OWNED = { owner: owner('c.relowner'), grants: grants('table', 'c.relacl', 'c.relowner') };
const TABLESPACE = '(SELECT spcname FROM pg_tablespace t WHERE t.oid = c.reltablespace)';
const ACCESS_METHOD = "(SELECT nullif(amname, 'heap') FROM pg_am m WHERE m.oid = c.relam)";
const UNLOGGED = flag("c.relpersistence = 'u'");

export function relationQueries(versionNumber: number): readonly CatalogueQuery[] {
  return [...tables(), columns(versionNumber), ...views(), sequences(), ...attached(), statistics(versionNumber)];
}

function tables(): readonly CatalogueQuery[] {
  const table = properties({
    ...OWNED,
    options: OPTIONS,
    toastOptions: TOAST_OPTIONS,
    unlogged: UNLOGGED,
    rowSecurity: flag('c.relrowsecurity'),
    rowSecurityForced: flag('c.relforcerowsecurity'),
    replicaIdentity: "CASE c.relreplident WHEN 'n' THEN 'nothing' WHEN 'f' THEN 'full' WHEN 'i' THEN 'index' END",
    partitionBound: 'pg_get_expr(c.relpartbound, c.oid)',
    partitionKey: "CASE c.relkind WHEN 'p' THEN pg_get_partkeydef(c.oid) END",
    tablespace: TABLESPACE,
    accessMethod: ACCESS_METHOD,
    inherits: PARENTS,
    ofType: 'CASE WHEN c.reloftype <> 0 THEN c.reloftype::regtype::text END',
  });
  const foreign = properties({
    ...OWNED,
    server: 's.srvname',
    options: foreignOptions('f.ftoptions'),
    inherits: PARENTS,
    partitionBound: 'pg_get_expr(c.relpartbound, c.oid)',
  });
  const composite = properties({ owner: owner('c.relowner'), grants: grants('type', 't.typacl', 't.typowner') });
  return [
    { kind: 'table', sql: `SELECT c.full_name, ${table} FROM relations c WHERE c.relkind IN ('r', 'p')` },
    {
      kind: 'foreign table',
      sql: `SELECT c.full_name, ${foreign} FROM relations c JOIN pg_foreign_table f ON f.ftrelid = c.oid JOIN pg_foreign_server s ON s.oid = f.ftserver`,
    },
    {
      kind: 'composite type',
      sql: `SELECT c.full_name, ${composite} FROM relations c JOIN pg_type t ON t.oid = c.reltype WHERE c.relkind = 'c'`,
    },
  ];
}

/** `position` counts the columns that are there, so that one dropped long ago leaves no trace. */
function columns(versionNumber: number): CatalogueQuery {
  const compression =
    versionNumber >= 140_000 ? "CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END" : 'NULL';
  const generated =
    versionNumber >= 120_000 ? "CASE a.attgenerated WHEN 's' THEN 'stored' WHEN 'v' THEN 'virtual' END" : 'NULL';
  const definition = properties({
    table: 'c.full_name',
    position: 'row_number() OVER (PARTITION BY c.oid ORDER BY a.attnum)',
    type: 'format_type(a.atttypid, a.atttypmod)',
    notNull: flag('a.attnotnull'),
    default: 'pg_get_expr(d.adbin, d.adrelid)',
    identity: "CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' END",
    generated,
    grants: listedGrants('a.attacl'),
    options: ATTRIBUTE_OPTIONS,
    foreignOptions: foreignOptions('a.attfdwoptions'),
    storage:
      "CASE WHEN a.attstorage <> t.typstorage THEN CASE a.attstorage WHEN 'p' THEN 'plain' WHEN 'e' THEN 'external' WHEN 'm' THEN 'main' ELSE 'extended' END END",
    compression,
    statistics: 'nullif(a.attstattarget, -1)',
    inherited: flag('NOT a.attislocal'),
    collation: `(SELECT ${fullName('s.nspname', 'k.collname')} FROM pg_collation k JOIN pg_namespace s ON s.oid = k.collnamespace
      WHERE k.oid = a.attcollation AND a.attcollation <> t.typcollation)`,
  });
  return {
    kind: 'column',
    sql: `SELECT c.full_name || '.' || quote_ident(a.attname), ${definition}
      FROM relations c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
      WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c')`,
  };
}

function views(): readonly CatalogueQuery[] {
  const view = { definition: 'pg_get_viewdef(c.oid)', ...OWNED, options: OPTIONS };
  const materialized = {
    ...view,
    toastOptions: TOAST_OPTIONS,
    unpopulated: flag('NOT c.relispopulated'),
    tablespace: TABLESPACE,
    accessMethod: ACCESS_METHOD,
  };
  return [
    { kind: 'view', sql: `SELECT c.full_name, ${properties(view)} FROM relations c WHERE c.relkind = 'v'` },
    {
      kind: 'materialized view',
      sql: `SELECT c.full_name, ${properties(materialized)} FROM relations c WHERE c.relkind = 'm'`,
    },
  ];
}

function sequences(): CatalogueQuery {
  const definition = properties({
    type: 's.seqtypid::regtype::text',
    start: 's.seqstart',
    increment: 's.seqincrement',
    maximum: 's.seqmax',
    minimum: 's.seqmin',
    cache: 's.seqcache',
    cycles: flag('s.seqcycle'),
    unlogged: UNLOGGED,
    owner: OWNED.owner,
    grants: grants('sequence', 'c.relacl', 'c.relowner'),
    ownedBy: `(SELECT d.refobjid::regclass::text || '.' || quote_ident(a.attname) FROM pg_depend d
      JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
      WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i') LIMIT 1)`,
  });
  return {
    kind: 'sequence',
    sql: `SELECT c.full_name, ${definition} FROM relations c JOIN pg_sequence s ON s.seqrelid = c.oid`,
  };
}

function attached(): readonly CatalogueQuery[] {
  const on = { table: 'c.full_name' };
  const constraint = properties({
    ...on,
    domain: 'CASE WHEN k.contypid <> 0 THEN k.contypid::regtype::text END',
    definition: 'pg_get_constraintdef(k.oid)',
    inherited: flag('NOT k.conislocal'),
    // DISABLE TRIGGER ALL takes a foreign key off without a word in its definition.
    triggers: list(`SELECT DISTINCT ${firing('t.tgenabled')} || ' on ' || t.tgrelid::regclass::text FROM pg_trigger t
      WHERE t.tgconstraint = k.oid AND t.tgisinternal AND t.tgenabled <> 'O' ORDER BY 1`),
  });
  const index = properties({
    ...on,
    definition: 'pg_get_indexdef(x.indexrelid)',
    invalid: flag('NOT x.indisvalid OR NOT x.indisready'),
    clustered: flag('x.indisclustered'),
    replicaIdentity: flag('x.indisreplident'),
    tablespace: '(SELECT spcname FROM pg_tablespace t WHERE t.oid = i.reltablespace)',
    partitionOf: '(SELECT inhparent::regclass::text FROM pg_inherits h WHERE h.inhrelid = i.oid)',
    statistics: list(`SELECT a.attnum || ':' || a.attstattarget FROM pg_attribute a
      WHERE a.attrelid = i.oid AND coalesce(a.attstattarget, -1) >= 0 ORDER BY a.attnum`),
  });
  const trigger = properties({ ...on, definition: 'pg_get_triggerdef(t.oid)', fires: firing('t.tgenabled') });
  const rule = properties({ ...on, definition: 'pg_get_ruledef(r.oid)', fires: firing('r.ev_enabled') });
  const policy = properties({
    ...on,
    command:
      "CASE p.polcmd WHEN 'r' THEN 'select' WHEN 'a' THEN 'insert' WHEN 'w' THEN 'update' WHEN 'd' THEN 'delete' ELSE 'all' END",
    restrictive: flag('NOT p.polpermissive'),
    roles: list(
      "SELECT CASE role WHEN 0 THEN 'public' ELSE role::regrole::text END FROM unnest(p.polroles) AS role ORDER BY 1",
    ),
    using: 'pg_get_expr(p.polqual, p.polrelid)',
    check: 'pg_get_expr(p.polwithcheck, p.polrelid)',
  });
  return [
    {
      kind: 'constraint',
      sql: `SELECT coalesce(c.full_name, k.contypid::regtype::text) || '.' || quote_ident(k.conname), ${constraint}
        FROM pg_constraint k JOIN spaces n ON n.oid = k.connamespace LEFT JOIN relations c ON c.oid = k.conrelid
        WHERE k.contype IN ('c', 'f', 'p', 'u', 'x') AND (c.oid IS NOT NULL OR k.contypid <> 0)`,
    },
    {
      kind: 'index',
      sql: `SELECT i.full_name, ${index} FROM pg_index x JOIN relations i ON i.oid = x.indexrelid JOIN relations c ON c.oid = x.indrelid`,
    },
    {
      kind: 'trigger',
      sql: `SELECT c.full_name || '.' || quote_ident(t.tgname), ${trigger}
        FROM pg_trigger t JOIN relations c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal`,
    },
    {
      kind: 'rule',
      sql: `SELECT c.full_name || '.' || quote_ident(r.rulename), ${rule}
        FROM pg_rewrite r JOIN relations c ON c.oid = r.ev_class WHERE r.rulename <> '_RETURN'`,
    },
    {
      kind: 'policy',
      sql: `SELECT c.full_name || '.' || quote_ident(p.polname), ${policy} FROM pg_policy p JOIN relations c ON c.oid = p.polrelid`,
    },
  ];
}

function statistics(versionNumber: number): CatalogueQuery {
  const definition = properties({
    table: 's.stxrelid::regclass::text',
    definition: 'pg_get_statisticsobjdef(s.oid)',
    owner: owner('s.stxowner'),
    target: versionNumber >= 130_000 ? 'nullif(s.stxstattarget, -1)' : 'NULL',
  });
  return {
    kind: 'statistics',
    sql: `SELECT quote_ident(n.nspname) || '.' || quote_ident(s.stxname), ${definition} FROM pg_statistic_ext s JOIN spaces n ON n.oid = s.stxnamespace`,
  };
}
