// The questions by which losses.ts asks the catalogue what a drop means: which object a name finds, and what goes with it.
// SQL only.

/** From a name as SQL to its object. */
export const FINDERS = {
  relation: ['pg_class', 'SELECT pg_catalog.to_regclass($1)::pg_catalog.oid AS oid'],
  type: ['pg_type', 'SELECT pg_catalog.to_regtype($1)::pg_catalog.oid AS oid'],
  schema: ['pg_namespace', 'SELECT pg_catalog.to_regnamespace($1)::pg_catalog.oid AS oid'],
  extension: ['pg_extension', 'SELECT oid FROM pg_catalog.pg_extension WHERE extname = $1'],
} as const;

/**
 * What goes with an object by the server's own dependencies: tables with rows, columns of tables that stay, and sequences
 * of their own (one that belongs to a column is nothing without its rows). Parameters: catalogue, oid, column number or 0.
 */
export const LOST_SQL = `WITH RECURSIVE gone(classid, objid, objsubid) AS (
    SELECT ('pg_catalog.' || $1)::pg_catalog.regclass::pg_catalog.oid, $2::pg_catalog.oid, $3::int
    UNION
    SELECT d.classid, d.objid, d.objsubid FROM gone g JOIN pg_catalog.pg_depend d
      ON d.refclassid = g.classid AND d.refobjid = g.objid AND (g.objsubid = 0 OR d.refobjsubid = g.objsubid)
  )
  SELECT DISTINCT n.nspname, c.relname, c.relkind, a.attname,
    pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname)
      || coalesce('.' || pg_catalog.quote_ident(a.attname), '') AS name,
    (SELECT pg_catalog.pg_get_expr(f.adbin, f.adrelid) FROM pg_catalog.pg_attrdef f
      WHERE f.adrelid = c.oid AND f.adnum = a.attnum) AS fallback
  FROM gone g JOIN pg_catalog.pg_class c ON c.oid = g.objid AND g.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = g.objsubid AND g.objsubid > 0
  WHERE (c.relkind IN ('r', 'p') OR c.relkind = 'S' AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend owner
      WHERE owner.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND owner.objid = c.oid AND owner.deptype IN ('a', 'i')
        AND owner.refclassid = owner.classid))
    AND (g.objsubid = 0 OR (a.attnum IS NOT NULL AND coalesce(pg_catalog.to_jsonb(a) ->> 'attgenerated', '') = '' AND NOT a.attisdropped
    AND NOT EXISTS (SELECT FROM gone whole WHERE whole.classid = g.classid AND whole.objid = g.objid AND whole.objsubid = 0)))
  ORDER BY name`;
