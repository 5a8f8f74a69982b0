// The catalogue queries behind a snapshot: one a kind of object, each answering (name, definition). They stand on the
// CTEs of snapshot.ts (spaces, members, relations) and on search_path = pg_catalog, under which the server's own
// deparsers print every name with its schema. No oid, no attnum, nothing that counts rows.

export interface CatalogueQuery {
  readonly kind: string;
  readonly sql: string;
}

const acl = (column: string) => `ARRAY(SELECT item::text FROM unnest(${column}) AS item ORDER BY item::text)`;
const owner = (column: string) => `pg_get_userbyid(${column})`;
/** PostgreSQL 15.20 keeps a version mark of its own among a column's options; it is no part of the schema. */
const ATTRIBUTE_OPTIONS =
  "ARRAY(SELECT item FROM unnest(a.attoptions) AS item WHERE NOT starts_with(item, 'pg_attver=') ORDER BY item)";
const ours = (classId: string, oid: string) =>
  `NOT EXISTS (SELECT FROM members m WHERE m.classid = '${classId}'::regclass AND m.objid = ${oid})`;
const full = (schema: string, name: string) => `quote_ident(${schema}) || '.' || quote_ident(${name})`;

/** The queries that a server of this version understands. */
export function catalogueQueries(versionNumber: number): readonly CatalogueQuery[] {
  return [
    ...relationQueries(versionNumber),
    ...attachedQueries(),
    ...routineQueries(),
    ...typeQueries(versionNumber),
    ...databaseQueries(),
  ];
}

function relationQueries(versionNumber: number): readonly CatalogueQuery[] {
  const compression = versionNumber >= 140_000 ? "nullif(a.attcompression::text, '')" : 'NULL';
  return [
    {
      kind: 'schema',
      sql: `SELECT quote_ident(n.nspname), jsonb_build_array(${owner('x.nspowner')}, ${acl('x.nspacl')}) FROM spaces n JOIN pg_namespace x USING (oid)`,
    },
    {
      kind: 'relation',
      sql: `SELECT c.full_name, jsonb_build_array(c.relkind, c.relpersistence, ${owner('c.relowner')}, ${acl('c.relacl')},
          c.reloptions, c.relrowsecurity, c.relforcerowsecurity, c.relreplident, c.relispopulated,
          pg_get_expr(c.relpartbound, c.oid), CASE c.relkind WHEN 'p' THEN pg_get_partkeydef(c.oid) END,
          CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END,
          (SELECT spcname FROM pg_tablespace t WHERE t.oid = c.reltablespace),
          (SELECT amname FROM pg_am m WHERE m.oid = c.relam AND c.relkind IN ('r', 'm')),
          ARRAY(SELECT inhparent::regclass::text FROM pg_inherits i WHERE i.inhrelid = c.oid ORDER BY inhseqno),
          CASE WHEN c.reloftype <> 0 THEN c.reloftype::regtype::text END)
        FROM relations c WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c')`,
    },
    {
      kind: 'column',
      sql: `SELECT c.full_name || '.' || quote_ident(a.attname), jsonb_build_array(
          row_number() OVER (PARTITION BY c.oid ORDER BY a.attnum), format_type(a.atttypid, a.atttypmod), a.attnotnull,
          pg_get_expr(d.adbin, d.adrelid), a.attidentity, a.attgenerated, ${acl('a.attacl')}, ${ATTRIBUTE_OPTIONS},
          a.attfdwoptions, a.attstorage, ${compression}, coalesce(nullif(a.attstattarget, -1), -1), a.attislocal,
          CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::regcollation::text END)
        FROM relations c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c')`,
    },
    {
      kind: 'sequence',
      sql: `SELECT c.full_name, jsonb_build_array(s.seqtypid::regtype::text, s.seqstart, s.seqincrement, s.seqmax, s.seqmin,
          s.seqcache, s.seqcycle, ${owner('c.relowner')}, ${acl('c.relacl')},
          (SELECT d.refobjid::regclass::text || '.' || a.attname FROM pg_depend d
            JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
            WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i') LIMIT 1))
        FROM relations c JOIN pg_sequence s ON s.seqrelid = c.oid`,
    },
  ];
}

function attachedQueries(): readonly CatalogueQuery[] {
  return [
    {
      kind: 'constraint',
      sql: `SELECT coalesce(c.full_name, k.contypid::regtype::text) || '.' || quote_ident(k.conname),
          jsonb_build_array(k.contype, pg_get_constraintdef(k.oid), k.convalidated, k.condeferrable, k.condeferred,
            k.conislocal, k.connoinherit)
        FROM pg_constraint k JOIN spaces n ON n.oid = k.connamespace LEFT JOIN relations c ON c.oid = k.conrelid
        WHERE k.contype IN ('c', 'f', 'p', 'u', 'x') AND (c.oid IS NOT NULL OR k.contypid <> 0)`,
    },
    {
      kind: 'index',
      sql: `SELECT i.full_name, jsonb_build_array(pg_get_indexdef(x.indexrelid), x.indisvalid, x.indisready,
          x.indisclustered, x.indisreplident, i.reloptions,
          (SELECT inhparent::regclass::text FROM pg_inherits h WHERE h.inhrelid = i.oid))
        FROM pg_index x JOIN relations i ON i.oid = x.indexrelid JOIN relations c ON c.oid = x.indrelid`,
    },
    {
      kind: 'trigger',
      sql: `SELECT c.full_name || '.' || quote_ident(t.tgname), jsonb_build_array(pg_get_triggerdef(t.oid), t.tgenabled)
        FROM pg_trigger t JOIN relations c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal`,
    },
    {
      kind: 'rule',
      sql: `SELECT c.full_name || '.' || quote_ident(r.rulename), jsonb_build_array(pg_get_ruledef(r.oid), r.ev_enabled)
        FROM pg_rewrite r JOIN relations c ON c.oid = r.ev_class WHERE r.rulename <> '_RETURN'`,
    },
    {
      kind: 'policy',
      sql: `SELECT c.full_name || '.' || quote_ident(p.polname), jsonb_build_array(p.polcmd, p.polpermissive,
          ARRAY(SELECT role::regrole::text FROM unnest(p.polroles) AS role ORDER BY 1),
          pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
        FROM pg_policy p JOIN relations c ON c.oid = p.polrelid`,
    },
    {
      kind: 'statistics',
      sql: `SELECT ${full('n.nspname', 's.stxname')}, jsonb_build_array(pg_get_statisticsobjdef(s.oid))
        FROM pg_statistic_ext s JOIN spaces n ON n.oid = s.stxnamespace`,
    },
  ];
}

function routineQueries(): readonly CatalogueQuery[] {
  const name = `${full('n.nspname', 'p.proname')} || '(' || pg_get_function_identity_arguments(p.oid) || ')'`;
  const from = `FROM pg_proc p JOIN spaces n ON n.oid = p.pronamespace WHERE ${ours('pg_proc', 'p.oid')}`;
  return [
    {
      kind: 'routine',
      sql: `SELECT ${name}, jsonb_build_array(pg_get_functiondef(p.oid), ${owner('p.proowner')}, ${acl('p.proacl')}) ${from} AND p.prokind <> 'a'`,
    },
    {
      kind: 'aggregate',
      sql: `SELECT ${name}, jsonb_build_array((SELECT jsonb_build_array(a.aggkind, a.aggtransfn::text, a.aggfinalfn::text,
          a.aggcombinefn::text, a.aggtranstype::regtype::text, a.agginitval, a.aggsortop::regoper::text)
          FROM pg_aggregate a WHERE a.aggfnoid = p.oid), ${owner('p.proowner')}, ${acl('p.proacl')}) ${from} AND p.prokind = 'a'`,
    },
    {
      kind: 'operator',
      sql: `SELECT o.oid::regoperator::text, jsonb_build_array(o.oprcode::text, o.oprcom::regoper::text, o.oprcanmerge, o.oprcanhash)
        FROM pg_operator o JOIN spaces n ON n.oid = o.oprnamespace WHERE ${ours('pg_operator', 'o.oid')}`,
    },
    {
      kind: 'cast',
      sql: `SELECT format_type(k.castsource, NULL) || ' AS ' || format_type(k.casttarget, NULL),
          jsonb_build_array(k.castfunc::regprocedure::text, k.castcontext, k.castmethod)
        FROM pg_cast k WHERE k.oid >= 16384 AND ${ours('pg_cast', 'k.oid')}`,
    },
  ];
}

function typeQueries(versionNumber: number): readonly CatalogueQuery[] {
  const multirange = versionNumber >= 140_000 ? 'r.rngmultitypid::regtype::text' : 'NULL';
  return [
    {
      kind: 'type',
      sql: `SELECT ${full('n.nspname', 't.typname')}, jsonb_build_array(t.typtype, ${owner('t.typowner')}, ${acl('t.typacl')},
          ARRAY(SELECT e.enumlabel FROM pg_enum e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder),
          CASE t.typtype WHEN 'd' THEN format_type(t.typbasetype, t.typtypmod) END, t.typnotnull, t.typdefault,
          (SELECT jsonb_build_array(r.rngsubtype::regtype::text, r.rngcanonical::text, r.rngsubdiff::text, ${multirange})
            FROM pg_range r WHERE r.rngtypid = t.oid))
        FROM pg_type t JOIN spaces n ON n.oid = t.typnamespace
        WHERE t.typtype IN ('e', 'd', 'r', 'b') AND t.typelem = 0 AND ${ours('pg_type', 't.oid')}`,
    },
    {
      kind: 'collation',
      sql: `SELECT ${full('n.nspname', 'c.collname')}, jsonb_build_array(c.collprovider, c.collcollate, c.collctype, c.collisdeterministic)
        FROM pg_collation c JOIN spaces n ON n.oid = c.collnamespace WHERE ${ours('pg_collation', 'c.oid')}`,
    },
    {
      kind: 'search',
      sql: `SELECT c.oid::regconfig::text, jsonb_build_array(ARRAY(SELECT m.maptokentype || ':' || m.mapdict::regdictionary::text
          FROM pg_ts_config_map m WHERE m.mapcfg = c.oid ORDER BY m.maptokentype, m.mapseqno))
        FROM pg_ts_config c JOIN spaces n ON n.oid = c.cfgnamespace WHERE ${ours('pg_ts_config', 'c.oid')}`,
    },
  ];
}

function databaseQueries(): readonly CatalogueQuery[] {
  return [
    {
      kind: 'extension',
      sql: `SELECT quote_ident(e.extname), jsonb_build_array(e.extversion, n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace`,
    },
    {
      kind: 'event_trigger',
      sql: `SELECT quote_ident(e.evtname), jsonb_build_array(e.evtevent, e.evtfoid::regprocedure::text, e.evtenabled, e.evttags)
        FROM pg_event_trigger e WHERE ${ours('pg_event_trigger', 'e.oid')}`,
    },
    {
      kind: 'publication',
      sql: `SELECT quote_ident(p.pubname), jsonb_build_array(p.puballtables, p.pubinsert, p.pubupdate, p.pubdelete, p.pubtruncate,
          ARRAY(SELECT r.prrelid::regclass::text FROM pg_publication_rel r WHERE r.prpubid = p.oid ORDER BY 1)) FROM pg_publication p`,
    },
    {
      kind: 'foreign_server',
      sql: `SELECT quote_ident(s.srvname), jsonb_build_array(w.fdwname, s.srvtype, s.srvversion, ${acl('s.srvacl')})
        FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw`,
    },
    {
      kind: 'default_privileges',
      sql: `SELECT ${owner('d.defaclrole')} || ' ' || d.defaclnamespace::regnamespace::text || ' ' || d.defaclobjtype::text,
          jsonb_build_array(${acl('d.defaclacl')}) FROM pg_default_acl d
        WHERE d.defaclnamespace = 0 OR d.defaclnamespace IN (SELECT oid FROM spaces)`,
    },
    {
      kind: 'comment',
      sql: `SELECT o.type || ' ' || o.identity, jsonb_build_array(d.description)
        FROM pg_description d CROSS JOIN LATERAL pg_identify_object(d.classoid, d.objoid, d.objsubid) AS o
        WHERE d.objoid >= 16384 AND (o.schema IS NULL OR o.schema <> $1) AND o.identity <> quote_ident($1)
          AND NOT EXISTS (SELECT FROM members m WHERE m.classid = d.classoid AND m.objid = d.objoid)
          AND d.classoid <> 'pg_extension'::regclass`,
    },
  ];
}
