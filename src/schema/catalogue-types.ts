// Catalogue queries of types and what works on them: enums, domains, ranges, collations, operators, casts, text search. Called
// by catalogue.ts only.
import { type CatalogueQuery, flag, fullName, grants, isOurs, list, owner, properties } from './catalogue-sql.ts';

export function typeQueries(versionNumber: number): readonly CatalogueQuery[] {
  return [...types(versionNumber), ...operators(), ...textSearch()];
}

/** An object that lives in a schema and is named by it. */
function inSchema(
  kind: string,
  table: string,
  [name, space]: readonly [string, string],
  named: Readonly<Record<string, string>>,
  where = 'true',
): CatalogueQuery {
  return {
    kind,
    sql: `SELECT ${fullName('n.nspname', `x.${name}`)}, ${properties(named)} FROM ${table} x JOIN spaces n ON n.oid = x.${space}
      WHERE ${isOurs(table, 'x.oid')} AND ${where}`,
  };
}

function operators(): readonly CatalogueQuery[] {
  const operator = properties({
    function: 'o.oprcode::text',
    commutator: "nullif(o.oprcom::regoper::text, '0')",
    negator: "nullif(o.oprnegate::regoper::text, '0')",
    merges: flag('o.oprcanmerge'),
    hashes: flag('o.oprcanhash'),
    restrict: "nullif(o.oprrest::text, '-')",
    join: "nullif(o.oprjoin::text, '-')",
    owner: owner('o.oprowner'),
  });
  const cast = properties({
    function: "nullif(k.castfunc::regprocedure::text, '-')",
    context: "CASE k.castcontext WHEN 'a' THEN 'assignment' WHEN 'i' THEN 'implicit' END",
    method: "CASE k.castmethod WHEN 'i' THEN 'by input and output' WHEN 'b' THEN 'binary' END",
  });
  const members =
    list(`SELECT 'operator ' || m.amopstrategy || ' ' || m.amopopr::regoperator::text FROM pg_amop m WHERE m.amopfamily = x.oid
    UNION ALL SELECT 'function ' || m.amprocnum || ' ' || m.amproc::regprocedure::text FROM pg_amproc m WHERE m.amprocfamily = x.oid ORDER BY 1`);
  const method = '(SELECT amname FROM pg_am a WHERE a.oid = x.opcmethod)';
  return [
    {
      kind: 'operator',
      sql: `SELECT o.oid::regoperator::text, ${operator} FROM pg_operator o JOIN spaces n ON n.oid = o.oprnamespace WHERE ${isOurs('pg_operator', 'o.oid')}`,
    },
    inSchema('operator class', 'pg_opclass', ['opcname', 'opcnamespace'], {
      method,
      type: 'x.opcintype::regtype::text',
      default: flag('x.opcdefault'),
      storage: 'CASE WHEN x.opckeytype <> 0 THEN x.opckeytype::regtype::text END',
      owner: owner('x.opcowner'),
    }),
    inSchema('operator family', 'pg_opfamily', ['opfname', 'opfnamespace'], {
      method: method.replace('opcmethod', 'opfmethod'),
      members,
      owner: owner('x.opfowner'),
    }),
    {
      kind: 'cast',
      sql: `SELECT format_type(k.castsource, NULL) || ' AS ' || format_type(k.casttarget, NULL), ${cast}
        FROM pg_cast k WHERE k.oid >= 16384 AND ${isOurs('pg_cast', 'k.oid')}`,
    },
    inSchema('conversion', 'pg_conversion', ['conname', 'connamespace'], {
      from: 'pg_encoding_to_char(x.conforencoding)',
      to: 'pg_encoding_to_char(x.contoencoding)',
      function: 'x.conproc::text',
      default: flag('x.condefault'),
      owner: owner('x.conowner'),
    }),
  ];
}

function types(versionNumber: number): readonly CatalogueQuery[] {
  const owned = { owner: owner('x.typowner'), grants: grants('type', 'x.typacl', 'x.typowner') };
  const column = ['typname', 'typnamespace'] as const;
  const automatic = `CASE WHEN x.typname LIKE '%range%' THEN regexp_replace(x.typname, 'range', 'multirange') ELSE x.typname || '_multirange' END`;
  const multirange =
    versionNumber >= 140_000
      ? `(SELECT nullif(m.typname::text, ${automatic}) FROM pg_range r JOIN pg_type m ON m.oid = r.rngmultitypid WHERE r.rngtypid = x.oid)`
      : 'NULL';
  const range = (sql: string) => `(SELECT ${sql} FROM pg_range r WHERE r.rngtypid = x.oid)`;
  const locale = versionNumber >= 170_000 ? 'x.colllocale' : versionNumber >= 150_000 ? 'x.colliculocale' : 'NULL';
  return [
    inSchema(
      'enum',
      'pg_type',
      column,
      {
        values: list('SELECT e.enumlabel FROM pg_enum e WHERE e.enumtypid = x.oid ORDER BY e.enumsortorder'),
        ...owned,
      },
      "x.typtype = 'e'",
    ),
    inSchema(
      'domain',
      'pg_type',
      column,
      {
        type: 'format_type(x.typbasetype, x.typtypmod)',
        notNull: flag('x.typnotnull'),
        default: 'x.typdefault',
        collation: `(SELECT ${fullName('s.nspname', 'c.collname')} FROM pg_collation c JOIN pg_namespace s ON s.oid = c.collnamespace
          JOIN pg_type b ON b.oid = x.typbasetype WHERE c.oid = x.typcollation AND x.typcollation <> b.typcollation)`,
        ...owned,
      },
      "x.typtype = 'd'",
    ),
    inSchema(
      'range type',
      'pg_type',
      column,
      {
        subtype: range('r.rngsubtype::regtype::text'),
        canonical: range("nullif(r.rngcanonical::text, '-')"),
        difference: range("nullif(r.rngsubdiff::text, '-')"),
        operatorClass: `(SELECT ${fullName('s.nspname', 'k.opcname')} FROM pg_range r JOIN pg_opclass k ON k.oid = r.rngsubopc
          JOIN pg_namespace s ON s.oid = k.opcnamespace WHERE r.rngtypid = x.oid AND NOT k.opcdefault)`,
        collation: `(SELECT ${fullName('s.nspname', 'c.collname')} FROM pg_range r JOIN pg_type b ON b.oid = r.rngsubtype
          JOIN pg_collation c ON c.oid = r.rngcollation AND c.oid <> b.typcollation
          JOIN pg_namespace s ON s.oid = c.collnamespace WHERE r.rngtypid = x.oid)`,
        multirange,
        ...owned,
      },
      "x.typtype = 'r'",
    ),
    inSchema(
      'base type',
      'pg_type',
      column,
      baseType(versionNumber, owned),
      "x.typtype = 'b' AND x.typcategory <> 'A'",
    ),
    inSchema('collation', 'pg_collation', ['collname', 'collnamespace'], {
      provider:
        "CASE x.collprovider WHEN 'i' THEN 'icu' WHEN 'c' THEN 'libc' WHEN 'b' THEN 'builtin' ELSE 'default' END",
      locale: `coalesce(${locale}, x.collcollate)`,
      ctype: `CASE WHEN coalesce(${locale}, '') = '' THEN x.collctype END`,
      nondeterministic: versionNumber >= 120_000 ? flag('NOT x.collisdeterministic') : 'NULL',
      owner: owner('x.collowner'),
    }),
  ];
}

function baseType(versionNumber: number, owned: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const routine = (column: string) => `nullif(x.${column}::text, '-')`;
  return {
    input: 'x.typinput::text',
    output: 'x.typoutput::text',
    length: 'x.typlen',
    receive: routine('typreceive'),
    send: routine('typsend'),
    modifierInput: routine('typmodin'),
    modifierOutput: routine('typmodout'),
    analyze: routine('typanalyze'),
    subscript: versionNumber >= 140_000 ? routine('typsubscript') : 'NULL',
    byValue: flag('x.typbyval'),
    alignment: "CASE x.typalign WHEN 'c' THEN 'char' WHEN 's' THEN 'int2' WHEN 'd' THEN 'double' END",
    storage: "CASE x.typstorage WHEN 'e' THEN 'external' WHEN 'm' THEN 'main' WHEN 'x' THEN 'extended' END",
    category: "nullif(x.typcategory::text, 'U')",
    preferred: flag('x.typispreferred'),
    delimiter: "nullif(x.typdelim::text, ',')",
    element: 'CASE WHEN x.typelem <> 0 THEN x.typelem::regtype::text END',
    collatable: flag('x.typcollation <> 0'),
    default: 'x.typdefault',
    ...owned,
  };
}

function textSearch(): readonly CatalogueQuery[] {
  const mappings = list(`SELECT m.maptokentype || ':' || m.mapdict::regdictionary::text FROM pg_ts_config_map m
    WHERE m.mapcfg = x.oid ORDER BY m.maptokentype, m.mapseqno`);
  const parser = `(SELECT ${fullName('s.nspname', 'p.prsname')} FROM pg_ts_parser p JOIN pg_namespace s ON s.oid = p.prsnamespace WHERE p.oid = x.cfgparser)`;
  const template = `(SELECT ${fullName('s.nspname', 't.tmplname')} FROM pg_ts_template t JOIN pg_namespace s ON s.oid = t.tmplnamespace WHERE t.oid = x.dicttemplate)`;
  return [
    inSchema('text search configuration', 'pg_ts_config', ['cfgname', 'cfgnamespace'], {
      parser,
      mappings,
      owner: owner('x.cfgowner'),
    }),
    inSchema('text search dictionary', 'pg_ts_dict', ['dictname', 'dictnamespace'], {
      template,
      options: 'x.dictinitoption',
      owner: owner('x.dictowner'),
    }),
    inSchema('text search parser', 'pg_ts_parser', ['prsname', 'prsnamespace'], {
      start: 'x.prsstart::text',
      token: 'x.prstoken::text',
      end: 'x.prsend::text',
    }),
    inSchema('text search template', 'pg_ts_template', ['tmplname', 'tmplnamespace'], {
      init: 'x.tmplinit::text',
      lexize: 'x.tmpllexize::text',
    }),
  ];
}
