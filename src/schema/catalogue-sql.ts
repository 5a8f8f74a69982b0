// Pieces of SQL that the catalogue queries share. Pure text; nothing of it comes from outside.

export interface CatalogueQuery {
  /** What a person calls it. */
  readonly kind: string;
  readonly sql: string;
}

/** An object of named properties; NULL ones are left out. */
export function properties(named: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(named).map(([name, sql]) => `'${name}', ${sql}`);
  return `jsonb_strip_nulls(jsonb_build_object(${pairs.join(', ')}))`;
}

/** Grants, sorted; NULL where nobody ever granted or revoked. `MAINTAIN` of 17 counts as part of ALL, as before. */
export function grants(column: string): string {
  return `CASE WHEN ${column} IS NOT NULL THEN to_jsonb(ARRAY(
    SELECT replace(item::text, 'arwdDxtm', 'arwdDxt') FROM unnest(${column}) AS item ORDER BY 1)) END`;
}

export const owner = (column: string) => `pg_get_userbyid(${column})`;

export const fullName = (schema: string, name: string) => `quote_ident(${schema}) || '.' || quote_ident(${name})`;

/** Not a member of an extension. */
export function isOurs(classId: string, oid: string): string {
  return `NOT EXISTS (SELECT FROM members own WHERE own.classid = '${classId}'::regclass AND own.objid = ${oid})`;
}

/** `true`, or nothing. */
export const flag = (condition: string) => `CASE WHEN ${condition} THEN true END`;

/** An array, or nothing where it is empty. */
export const list = (select: string) =>
  `(SELECT to_jsonb(l.a) FROM (SELECT ARRAY(${select}) AS a) AS l WHERE cardinality(l.a) > 0)`;

/** How a trigger or rule fires: by letter of pg_trigger.tgenabled. */
export const firing = (column: string) =>
  `CASE ${column} WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'replica only' WHEN 'A' THEN 'always' END`;

const HARMLESS_OPTIONS = "'schema_name', 'table_name', 'column_name', 'updatable', 'use_remote_estimate', 'fetch_size'";

/** Options of foreign data: any may hold a secret, so that of most only the name is kept. */
export function foreignOptions(column: string): string {
  return list(`SELECT CASE WHEN split_part(o, '=', 1) IN (${HARMLESS_OPTIONS}) THEN o ELSE split_part(o, '=', 1) END
    FROM unnest(${column}) AS o ORDER BY 1`);
}
