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

/** The items of a list of rights, sorted. */
export const aclItems = (acl: string) =>
  `ARRAY(SELECT replace(item::text, 'arwdDxtm', 'arwdDxt') FROM unnest(${acl}) AS item ORDER BY 1)`;

/** What a grant is on, as acldefault calls it. */
const ACL_KINDS = {
  ...{ table: 'r', sequence: 's', routine: 'f', type: 'T', schema: 'n', language: 'l', wrapper: 'F', server: 'S' },
} as const;

/**
 * Grants, sorted; NULL where everybody has what they have when nobody ever granted or revoked. A list that says just that (it
 * is left by a GRANT that was revoked) does not outlive a dump. `MAINTAIN` of 17 counts as part of ALL, as before.
 */
export function grants(on: keyof typeof ACL_KINDS, column: string, ownerId: string): string {
  const usual = aclItems(`acldefault('${ACL_KINDS[on]}', ${ownerId})`);
  return `CASE WHEN ${column} IS NOT NULL THEN (SELECT to_jsonb(nullif(g.a, ${usual})) FROM (SELECT ${aclItems(column)} AS a) AS g) END`;
}

/** Of what nobody has a right on by itself (columns), or of which the catalogue's list is all there is. */
export function listedGrants(column: string): string {
  return `CASE WHEN ${column} IS NOT NULL THEN to_jsonb(${aclItems(column)}) END`;
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
