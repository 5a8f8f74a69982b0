// Catalogue queries of everything that is no table and no type: schemas, routines, languages, and what belongs to the
// database as a whole. Called by catalogue.ts only.
import {
  type CatalogueQuery,
  firing,
  flag,
  foreignOptions,
  fullName,
  grants,
  isOurs,
  list,
  listedGrants,
  owner,
  properties,
} from './catalogue-sql.ts';

export function objectQueries(versionNumber: number): readonly CatalogueQuery[] {
  return [
    ...spaces(),
    ...routines(),
    ...programming(),
    publications(versionNumber),
    subscriptions(),
    ...foreignData(),
    ...notes(),
  ];
}

/**
 * The schema `public` is as initdb makes it, which is not the same in every major, or it has been changed; one that was dropped
 * and made again is the old one with other rights, as a dump sees it.
 */
function spaces(): readonly CatalogueQuery[] {
  const isInitial = `x.oid = 2200 AND EXISTS (SELECT FROM pg_init_privs i WHERE i.classoid = 'pg_namespace'::regclass
    AND i.objoid = x.oid AND i.initprivs::text = x.nspacl::text)`;
  const definition = properties({
    owner: `CASE WHEN x.nspname = 'public' AND (x.nspowner = 10 OR x.nspowner = 6171) THEN NULL ELSE ${owner('x.nspowner')} END`,
    grants: `CASE WHEN ${isInitial} THEN NULL WHEN x.nspname = 'public'
      THEN ${listedGrants("coalesce(x.nspacl, acldefault('n', x.nspowner))")} ELSE ${grants('schema', 'x.nspacl', 'x.nspowner')} END`,
  });
  const defaults = properties({ grants: listedGrants('d.defaclacl') });
  const what =
    "CASE d.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'routines' WHEN 'T' THEN 'types' WHEN 'n' THEN 'schemas' ELSE d.defaclobjtype::text END";
  return [
    {
      kind: 'schema',
      sql: `SELECT quote_ident(n.nspname), ${definition} FROM spaces n JOIN pg_namespace x ON x.oid = n.oid`,
    },
    {
      kind: 'default privileges',
      sql: `SELECT 'of ' || ${owner('d.defaclrole')} || coalesce(' in ' || nullif(d.defaclnamespace, 0)::regnamespace::text, '') || ' on ' || ${what}, ${defaults}
        FROM pg_default_acl d WHERE d.defaclnamespace = 0 OR d.defaclnamespace IN (SELECT oid FROM spaces)`,
    },
  ];
}

function routines(): readonly CatalogueQuery[] {
  const name = `${fullName('n.nspname', 'p.proname')} || '(' || pg_get_function_identity_arguments(p.oid) || ')'`;
  const from = `FROM pg_proc p JOIN spaces n ON n.oid = p.pronamespace WHERE ${isOurs('pg_proc', 'p.oid')}`;
  const owned = { owner: owner('p.proowner'), grants: grants('routine', 'p.proacl', 'p.proowner') };
  const routine = properties({ definition: 'pg_get_functiondef(p.oid)', ...owned });
  const modifies = (column: string) =>
    `CASE nullif(${column}, CASE WHEN a.aggkind = 'n' THEN 'r'::"char" ELSE 's' END)
      WHEN 'r' THEN 'read only' WHEN 's' THEN 'shareable' WHEN 'w' THEN 'read and write' END`;
  const aggregate = properties({
    of: "CASE a.aggkind WHEN 'n' THEN NULL WHEN 'o' THEN 'ordered set' ELSE 'hypothetical set' END",
    transition: 'a.aggtransfn::text',
    final: "nullif(a.aggfinalfn::text, '-')",
    combine: "nullif(a.aggcombinefn::text, '-')",
    state: 'a.aggtranstype::regtype::text',
    initial: 'a.agginitval',
    sortOperator: "nullif(a.aggsortop::regoper::text, '0')",
    parallel: "CASE p.proparallel WHEN 's' THEN 'safe' WHEN 'r' THEN 'restricted' END",
    stateSize: 'nullif(a.aggtransspace, 0)',
    finalExtra: flag('a.aggfinalextra'),
    finalModifies: modifies('a.aggfinalmodify'),
    serialize: "nullif(a.aggserialfn::text, '-')",
    deserialize: "nullif(a.aggdeserialfn::text, '-')",
    movingTransition: "nullif(a.aggmtransfn::text, '-')",
    movingInverse: "nullif(a.aggminvtransfn::text, '-')",
    movingFinal: "nullif(a.aggmfinalfn::text, '-')",
    movingFinalExtra: flag('a.aggmfinalextra'),
    movingFinalModifies: modifies('a.aggmfinalmodify'),
    movingState: 'nullif(a.aggmtranstype, 0)::regtype::text',
    movingStateSize: 'nullif(a.aggmtransspace, 0)',
    movingInitial: 'a.aggminitval',
    ...owned,
  });
  return [
    { kind: 'function', sql: `SELECT ${name}, ${routine} ${from} AND p.prokind IN ('f', 'w')` },
    { kind: 'procedure', sql: `SELECT ${name}, ${routine} ${from} AND p.prokind = 'p'` },
    {
      kind: 'aggregate',
      sql: `SELECT ${name}, ${aggregate} ${from.replace('WHERE', 'JOIN pg_aggregate a ON a.aggfnoid = p.oid WHERE')}`,
    },
  ];
}

function programming(): readonly CatalogueQuery[] {
  const extension = properties({ version: 'e.extversion', schema: 'quote_ident(n.nspname)' });
  const event = properties({
    event: 'e.evtevent',
    function: 'e.evtfoid::regprocedure::text',
    fires: firing('e.evtenabled'),
    tags: list('SELECT tag FROM unnest(e.evttags) AS tag ORDER BY 1'),
    owner: owner('e.evtowner'),
  });
  const language = properties({
    trusted: flag('l.lanpltrusted'),
    handler: 'l.lanplcallfoid::regproc::text',
    owner: owner('l.lanowner'),
    grants: grants('language', 'l.lanacl', 'l.lanowner'),
  });
  const method = properties({
    handler: 'm.amhandler::text',
    of: "CASE m.amtype WHEN 'i' THEN 'index' ELSE 'table' END",
  });
  const transform = properties({ from: 't.trffromsql::text', to: 't.trftosql::text' });
  return [
    {
      kind: 'extension',
      sql: `SELECT quote_ident(e.extname), ${extension} FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace`,
    },
    {
      kind: 'event trigger',
      sql: `SELECT quote_ident(e.evtname), ${event} FROM pg_event_trigger e WHERE ${isOurs('pg_event_trigger', 'e.oid')}`,
    },
    {
      kind: 'language',
      sql: `SELECT quote_ident(l.lanname), ${language} FROM pg_language l WHERE l.oid >= 16384 AND ${isOurs('pg_language', 'l.oid')}`,
    },
    {
      kind: 'access method',
      sql: `SELECT quote_ident(m.amname), ${method} FROM pg_am m WHERE m.oid >= 16384 AND ${isOurs('pg_am', 'm.oid')}`,
    },
    {
      kind: 'transform',
      sql: `SELECT t.trftype::regtype::text || ' for ' || l.lanname, ${transform}
        FROM pg_transform t JOIN pg_language l ON l.oid = t.trflang WHERE ${isOurs('pg_transform', 't.oid')}`,
    },
  ];
}

function publications(versionNumber: number): CatalogueQuery {
  const detail =
    versionNumber >= 150_000
      ? `|| coalesce(' (' || (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute a
          WHERE a.attrelid = r.prrelid AND a.attnum = ANY (r.prattrs)) || ')', '') || coalesce(' where ' || pg_get_expr(r.prqual, r.prrelid), '')`
      : '';
  const schemas = list(
    'SELECT s.pnnspid::regnamespace::text FROM pg_publication_namespace s WHERE s.pnpubid = p.oid ORDER BY 1',
  );
  const definition = properties({
    allTables: flag('p.puballtables'),
    tables: list(
      `SELECT r.prrelid::regclass::text ${detail} FROM pg_publication_rel r WHERE r.prpubid = p.oid ORDER BY 1`,
    ),
    schemas: versionNumber >= 150_000 ? schemas : 'NULL',
    publishes: `concat_ws(', ', CASE WHEN p.pubinsert THEN 'insert' END, CASE WHEN p.pubupdate THEN 'update' END,
      CASE WHEN p.pubdelete THEN 'delete' END, CASE WHEN p.pubtruncate THEN 'truncate' END)`,
    viaRoot: versionNumber >= 130_000 ? flag('p.pubviaroot') : 'NULL',
    owner: owner('p.pubowner'),
  });
  return { kind: 'publication', sql: `SELECT quote_ident(p.pubname), ${definition} FROM pg_publication p` };
}

/** Never the connection string. */
function subscriptions(): CatalogueQuery {
  const definition = properties({
    publications: list('SELECT p FROM unnest(s.subpublications) AS p ORDER BY 1'),
    disabled: flag('NOT s.subenabled'),
    slot: 's.subslotname',
    owner: owner('s.subowner'),
  });
  return {
    kind: 'subscription',
    sql: `SELECT quote_ident(s.subname), ${definition} FROM pg_subscription s
      WHERE s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())`,
  };
}

function foreignData(): readonly CatalogueQuery[] {
  const wrapper = properties({
    handler: "nullif(w.fdwhandler::regproc::text, '-')",
    validator: "nullif(w.fdwvalidator::regproc::text, '-')",
    options: foreignOptions('w.fdwoptions'),
    owner: owner('w.fdwowner'),
    grants: grants('wrapper', 'w.fdwacl', 'w.fdwowner'),
  });
  const server = properties({
    wrapper: 'w.fdwname',
    type: 's.srvtype',
    version: 's.srvversion',
    options: foreignOptions('s.srvoptions'),
    owner: owner('s.srvowner'),
    grants: grants('server', 's.srvacl', 's.srvowner'),
  });
  return [
    {
      kind: 'foreign data wrapper',
      sql: `SELECT quote_ident(w.fdwname), ${wrapper} FROM pg_foreign_data_wrapper w WHERE ${isOurs('pg_foreign_data_wrapper', 'w.oid')}`,
    },
    {
      kind: 'foreign server',
      sql: `SELECT quote_ident(s.srvname), ${server} FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw
        WHERE ${isOurs('pg_foreign_server', 's.oid')}`,
    },
    {
      kind: 'user mapping',
      sql: `SELECT coalesce(quote_ident(u.usename), 'public') || ' on ' || quote_ident(u.srvname), '{}'::jsonb FROM pg_user_mappings u`,
    },
  ];
}

function notes(): readonly CatalogueQuery[] {
  const isPublic = "(d.classoid = 'pg_namespace'::regclass AND o.identity = 'public')";
  const from = (
    table: string,
  ) => `FROM ${table} d CROSS JOIN LATERAL pg_identify_object(d.classoid, d.objoid, d.objsubid) AS o
    WHERE (d.objoid >= 16384 OR ${isPublic}) AND (o.schema IS NULL OR o.schema <> $1) AND o.identity <> quote_ident($1)
      AND NOT EXISTS (SELECT FROM members m WHERE m.classid = d.classoid AND m.objid = d.objoid)
      AND d.classoid <> 'pg_extension'::regclass`;
  return [
    {
      kind: 'comment',
      sql: `SELECT 'on ' || o.type || ' ' || o.identity, ${properties({ text: 'd.description' })} ${from('pg_description')}
        AND NOT (${isPublic} AND d.description = 'standard public schema')`,
    },
    {
      kind: 'security label',
      sql: `SELECT d.provider || ' on ' || o.type || ' ' || o.identity, ${properties({ label: 'd.label' })} ${from('pg_seclabel')}`,
    },
  ];
}
