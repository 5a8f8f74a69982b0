// COMMENT ON, from the names that the server gives to what is commented.
import { literal } from '../../engine/connection.ts';
import type { Draft } from './draft.ts';
import { commentedBy, type Item, text } from './items.ts';

/** How COMMENT ON calls what pg_identify_object calls so; what is not here it calls the same. */
const WORDS: Readonly<Record<string, string>> = {
  ...{ 'table column': 'COLUMN', 'view column': 'COLUMN', 'materialized view column': 'COLUMN' },
  ...{ 'foreign table column': 'COLUMN', 'composite type column': 'COLUMN', 'table constraint': 'CONSTRAINT' },
  ...{ 'composite type': 'TYPE', 'statistics object': 'STATISTICS', 'foreign-data wrapper': 'FOREIGN DATA WRAPPER' },
};

const SAME = new Set([
  ...['table', 'view', 'materialized view', 'foreign table', 'sequence', 'index', 'function', 'procedure', 'aggregate'],
  ...['schema', 'type', 'domain', 'trigger', 'rule', 'policy', 'event trigger', 'collation', 'publication', 'server'],
  ...['language', 'cast', 'text search configuration', 'text search dictionary', 'conversion', 'access method'],
]);

export function writeComments(draft: Draft): void {
  const { dropped, added, changed, after } = draft.change;
  const isNew = new Set(added);
  const isUnmade = (item: Item) => isNew.has(item) && !draft.isWritten(item);
  for (const comment of dropped.filter(isComment)) {
    if (write(draft, comment, 'NULL')) draft.claim(comment);
  }
  for (const comment of [...added, ...changed.map(({ to }) => to)].filter(isComment)) {
    if (after.parentsOf(comment).some(isUnmade)) continue;
    if (write(draft, comment, literal(text(comment, 'text')).trim())) draft.claim(comment);
  }
}

const isComment = ({ kind }: Item) => kind === 'comment';

function write(draft: Draft, comment: Item, value: string): boolean {
  const { type, identity } = commentedBy(comment);
  const [, own, domain] = type === 'domain constraint' ? (/^(.*) on (.*)$/s.exec(identity) ?? []) : [];
  const what =
    domain === undefined
      ? `${WORDS[type] ?? (SAME.has(type) ? type.toUpperCase() : '')} ${identity}`
      : `CONSTRAINT ${own} ON DOMAIN ${domain}`;
  if (what.startsWith(' ')) return false;
  draft.write('comments', `COMMENT ON ${what} IS ${value}`);
  return true;
}
