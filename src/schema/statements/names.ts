// Names in SQL text: which qualified names a text mentions, and how a role is written. The server prints every name with its
// schema when search_path is pg_catalog, so that what a definition needs can be read off its text. Pure.

const WORD = '(?:"(?:[^"]|"")+"|[A-Za-z_\\u0080-\\uffff][\\w$\\u0080-\\uffff]*)';
// Only where a word begins: to look on from each letter of a long one would take for ever.
const QUALIFIED = new RegExp(`(?<![\\w$"\\u0080-\\uffff])${WORD}\\.${WORD}`, 'g');

/** Every `schema.name` in a text; also `table.column`, which is nobody's name and does no harm. */
export function namesIn(text: string): ReadonlySet<string> {
  return new Set(text.match(QUALIFIED) ?? []);
}

/** Every name and keyword of a text, quoted as it stands. */
export const wordsIn = (text: string): readonly string[] => text.match(new RegExp(WORD, 'g')) ?? [];

/** Whether a text has this identifier as a word of its own. */
export function hasWord(text: string, identifier: string): boolean {
  const escaped = identifier.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`(?<![\\w$"\\u0080-\\uffff])${escaped}(?![\\w$"\\u0080-\\uffff])`).test(text);
}

/** `public.f` of `public.f(a integer)`. */
export function baseName(name: string): string {
  const [base = name] = new RegExp(`^${WORD}(?:\\.${WORD})*`).exec(name) ?? [];
  return base;
}

/** The schema of a qualified name, as SQL writes it. */
export function schemaOf(name: string): string {
  const [schema = ''] = new RegExp(`^${WORD}(?=\\.)`).exec(name) ?? [];
  return schema;
}

/** A name without the quotes that SQL needs. */
export function plain(name: string): string {
  return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name;
}

/** Words that PostgreSQL takes for something else where a name stands: https://www.postgresql.org/docs/current/sql-keywords-appendix.html */
const RESERVED = new Set(
  `all analyse analyze and any array as asc asymmetric both case cast check collate column constraint create current_catalog
  current_date current_role current_time current_timestamp current_user default deferrable desc distinct do else end except
  false fetch for foreign from grant group having in initially intersect into lateral leading limit localtime localtimestamp
  none not null offset on only or order placing primary public references returning select session_user some symmetric
  system_user table then to trailing true union unique user using variadic when where window with`.split(/\s+/),
);

/** A name of the catalogue as SQL writes it: a role, a tablespace. */
export function written(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) && !RESERVED.has(name) ? name : `"${name.replaceAll('"', '""')}"`;
}
