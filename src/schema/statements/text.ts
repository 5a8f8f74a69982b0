// A migration file's text from statements and remarks. Whatever comes from the database stands behind `--` on every line, so
// that a comment never ends in a statement, and never reads as a setting of ours.
import type { Piece, Unsaid } from './draft.ts';

export interface Script {
  /** Settings in comments that must stand at the head of the file. */
  readonly directives: readonly string[];
  /** The statements with what is said above each, and the remarks; empty when there is neither. */
  readonly body: string;
  readonly statements: number;
  /** Differences that are told in comments only. */
  readonly unsaid: number;
  /** Statements that lose rows or values. */
  readonly destructive: number;
}

interface Parts {
  readonly directives: readonly string[];
  /** Statements before all others. */
  readonly settings: readonly string[];
  readonly pieces: readonly Pick<Piece, 'sql' | 'notes'>[];
  readonly remarks: readonly string[];
  readonly unsaid: readonly Unsaid[];
}

export function scriptOf({ directives, settings, pieces, remarks, unsaid }: Parts): Script {
  const told = [...remarks, ...unsaid.map(describeUnsaid)];
  const blocks = [
    ...settings.map(sql => `${sql};`),
    ...pieces.map(({ sql, notes }) => [...notes.map(note => commented(note)), `${sql};`].join('\n')),
    ...(told.length === 0 ? [] : [NOT_WRITTEN]),
    ...told.map(one => commented(one, '* ')),
  ];
  return {
    directives,
    body: blocks.length === 0 ? '' : `${spaced(blocks)}\n`,
    statements: pieces.length,
    unsaid: told.length,
    destructive: pieces.filter(({ notes }) => notes.some(note => note.startsWith('Destroys data'))).length,
  };
}

const NOT_WRITTEN = '-- Not written as statements; each is a difference that is left to you:';

/** An empty line around what is longer than a line. */
function spaced(blocks: readonly string[]): string {
  return blocks
    .map((block, index) => {
      const before = blocks[index - 1];
      const isLong = block.includes('\n') || before?.includes('\n') === true || block === NOT_WRITTEN;
      return index > 0 && isLong && before !== NOT_WRITTEN ? `\n${block}` : block;
    })
    .join('\n');
}

/** PostgreSQL ends a comment at a lone carriage return, too; and behind each of these a setting of ours is looked for. */
const LINE_BREAK = /\r\n|[\n\r\u2028\u2029]/;

/** Text as lines of comment; the first may be marked. */
export function commented(text: string, mark = ''): string {
  const [first = '', ...rest] = text.split(LINE_BREAK);
  return [`-- ${mark}${guarded(first)}`, ...rest.map(line => `--   ${guarded(line)}`.trimEnd())].join('\n');
}

/** `-- migrate: …` is a setting, wherever it comes from. */
const guarded = (line: string) => (/^\s*migrate:/.test(line) ? `| ${line}` : line);

function describeUnsaid({ item, change, properties }: Unsaid): string {
  const { kind, name } = item;
  if (change === 'Removed') return `${kind} ${name} is gone. It had: ${detail(item.properties)}`;
  if (change === 'Added' && properties.length === 0)
    return `${kind} ${name} is new. It has: ${detail(item.properties)}`;
  const shown = properties.map(property => `${property} ${detail(item.properties[property] ?? 'none')}`);
  return `${kind} ${name}: ${change === 'Added' ? 'it is written without' : 'changed to'} ${shown.join('; ')}`;
}

function detail(value: unknown): string {
  if (typeof value === 'string') return value;
  return JSON.stringify(value);
}
