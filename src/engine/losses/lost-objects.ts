// The questions by which loss-counter.ts asks the catalogue what a drop means: which object a name finds, and what goes with it.
// SQL only.
import { holdsLedger } from '../ledger/other-ledgers.ts';

/** From a name as SQL to its object. */
export const FINDERS = {
  relation: ['pg_class', 'SELECT pg_catalog.to_regclass($1)::pg_catalog.oid AS oid'],
  type: ['pg_type', 'SELECT pg_catalog.to_regtype($1)::pg_catalog.oid AS oid'],
  schema: ['pg_namespace', 'SELECT pg_catalog.to_regnamespace($1)::pg_catalog.oid AS oid'],
  extension: ['pg_extension', 'SELECT oid FROM pg_catalog.pg_extension WHERE extname = $1'],
} as const;

/**
 * What goes with an object by the server's own dependencies (a view hangs on them by its rule): tables with rows, columns of
 * tables that stay, attributes of composite types, materialized views, and sequences, but for one that goes together with its column: it is nothing without
 * the rows. `has_default`: the column has one of its own; `type_gives`: its type has. Parameters: catalogue, oid, column number or 0.
 */
export const LOST_SQL = `WITH RECURSIVE gone(classid, objid, objsubid) AS (
    SELECT ('pg_catalog.' || $1)::pg_catalog.regclass::pg_catalog.oid, $2::pg_catalog.oid, $3::int
    UNION
    SELECT with_it.classid, with_it.objid, with_it.objsubid FROM gone g, LATERAL (
      SELECT d.classid, d.objid, d.objsubid FROM pg_catalog.pg_depend d
        WHERE d.refclassid = g.classid AND d.refobjid = g.objid AND (g.objsubid = 0 OR d.refobjsubid = g.objsubid)
      UNION ALL SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, r.ev_class, 0 FROM pg_catalog.pg_rewrite r
        WHERE g.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND r.oid = g.objid AND r.ev_type = '1'
    ) AS with_it
  )
  SELECT DISTINCT c.oid, n.nspname, c.relname, c.relkind, a.attname,
    pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname)
      || coalesce('.' || pg_catalog.quote_ident(a.attname), '') AS name,
    pg_catalog.format_type(a.atttypid, a.atttypmod) AS type,
    EXISTS (SELECT FROM pg_catalog.pg_type t WHERE t.oid = a.atttypid AND t.typdefaultbin IS NOT NULL) AS type_gives,
    coalesce(a.atthasdef, false) AS has_default
  FROM gone g JOIN pg_catalog.pg_class c ON c.oid = g.objid AND g.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = g.objsubid AND g.objsubid > 0
  WHERE (c.relkind IN ('r', 'p', 'm', 'c') OR c.relkind = 'S' AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend owner
      JOIN gone g ON g.classid = owner.refclassid AND g.objid = owner.refobjid AND g.objsubid IN (0, owner.refobjsubid)
      WHERE owner.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND owner.objid = c.oid AND owner.deptype IN ('a', 'i')
        AND owner.refclassid = owner.classid))
    AND (c.relkind <> 'c' OR g.objsubid > 0)
    AND (g.objsubid = 0 OR (a.attnum IS NOT NULL AND coalesce(pg_catalog.to_jsonb(a) ->> 'attgenerated', '') = '' AND NOT a.attisdropped
    AND NOT EXISTS (SELECT FROM gone whole WHERE whole.classid = g.classid AND whole.objid = g.objid AND whole.objsubid = 0)))
  ORDER BY name`;

/** The sequence that gives a column its numbers. Parameters: the table as SQL, the column's name. */
export const SEQUENCE_SQL = `SELECT d.objid AS oid FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_attribute a
    ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
  WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refclassid = d.classid AND d.deptype = 'i'
    AND d.refobjid = pg_catalog.to_regclass($1) AND a.attname = $2 AND NOT a.attisdropped`;

/**
 * Whether a sequence stands elsewhere than a new one of its definition: it has given out numbers, or was put there by
 * setval() or RESTART. Asked of the sequence itself; for its oid.
 */
export const movedCondition = (oid: string) =>
  `is_called OR last_value <> (SELECT seqstart FROM pg_catalog.pg_sequence WHERE seqrelid = ${Number(oid)})`;

/** Tables of a name that a script may mean, in whatever schema: not those of the server itself, of a ledger, of another session. */
export const SAME_NAME_SQL = `SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relname = $1 AND c.relkind IN ('r', 'p', 'v', 'f', 'm')
    AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND NOT pg_catalog.pg_is_other_temp_schema(n.oid)
    AND NOT (c.relname IN ('ledger', 'progress', 'epoch', 'audit', 'snapshot', 'repeatable') AND ${holdsLedger('n.oid')})`;

/** Relations of a name, in a schema or, where that is empty, in any: which one a script of the other way found is not known. */
export const NAMED_SQL = `SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relname = $1 AND n.nspname = coalesce(nullif($2, ''), n.nspname)`;

/** Whether an INSERT into a relation sets off more: triggers or rules of somebody's, its partitions' included. */
export const REACTIONS_SQL = `WITH RECURSIVE tree(oid) AS (
    SELECT $1::pg_catalog.oid UNION SELECT i.inhrelid FROM tree JOIN pg_catalog.pg_inherits i ON i.inhparent = tree.oid
  )
  SELECT FROM tree WHERE EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = tree.oid AND NOT t.tgisinternal
      AND t.tgenabled <> 'D' AND t.tgtype & 4 <> 0)
    OR EXISTS (SELECT FROM pg_catalog.pg_rewrite r WHERE r.ev_class = tree.oid AND r.ev_type = '3')`;

/**
 * Which of these functions are not PostgreSQL's own and harmless; a name that anybody else uses too may mean theirs.
 * Parameters: JSON lists of the names, and of the volatile ones that are harmless.
 */
export const FOREIGN_FUNCTIONS_SQL = `SELECT name FROM pg_catalog.json_array_elements_text($1::json) AS name
  WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_proc p
      WHERE p.proname = name AND p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace)
    OR EXISTS (SELECT FROM pg_catalog.pg_proc p WHERE p.proname = name AND (
      p.pronamespace <> 'pg_catalog'::pg_catalog.regnamespace
      OR p.provolatile = 'v' AND name NOT IN (SELECT pg_catalog.json_array_elements_text($2::json))))`;

/** What a materialized view holds, and by which query; without a search path every name in it has its schema. */
export const DEFINITION_SQL = `SELECT pg_catalog.rtrim(pg_catalog.pg_get_viewdef(oid), ';') AS definition, relispopulated
  FROM pg_catalog.pg_class WHERE oid = $1 AND relkind = 'm'`;

/** A column with its type as it is. Parameters: the table's oid, the column's number. */
export const COLUMN_SQL = `SELECT n.nspname, c.relname, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod) AS type,
    pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) || '.' || pg_catalog.quote_ident(a.attname) AS name
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid WHERE c.oid = $1 AND a.attnum = $2`;

/** A type by its name as SQL, as the search path finds it. */
export const TYPE_SQL = `SELECT n.nspname, t.typname FROM pg_catalog.pg_type t
  JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace WHERE t.oid = pg_catalog.to_regtype($1)::pg_catalog.oid`;

/**
 * What a condition is printed, counted and looked at again under: it must not matter which names a script's search path finds,
 * because the guards run before the script.
 */
export const OWN_PATH_SQL = 'SET LOCAL search_path TO pg_catalog, pg_temp';

/** In which schemas of the search path there is a relation or type of a name. */
export const NAMESAKES_SQL = `SELECT typnamespace FROM pg_catalog.pg_type WHERE typname = $1
    AND typnamespace::pg_catalog.regnamespace::pg_catalog.text = ANY (SELECT pg_catalog.quote_ident(name) FROM pg_catalog.unnest(pg_catalog.current_schemas(true)) AS name)
  UNION SELECT relnamespace FROM pg_catalog.pg_class WHERE relname = $1
    AND relnamespace::pg_catalog.regnamespace::pg_catalog.text = ANY (SELECT pg_catalog.quote_ident(name) FROM pg_catalog.unnest(pg_catalog.current_schemas(true)) AS name)`;
