// The server's message about a statement without row data and passwords: it quotes the value at which a conversion failed, and
// names a relation, a type or a setting that a row was taken to name (`c::regclass`). A name that stands in the file is
// kept: it is mostly what is wrong. Pure. Called by execute.ts, deferred.ts and
// transactions.ts; for what nobody foresaw by the runner's result.ts and the command line's failure.ts.
import type { QueryError } from './connection.ts';
import { parserMessage } from './sql/parser-message.ts';

/** From the first quote to the last, whatever the server's language is: a value may hold quotes itself. */
const QUOTED = /["„“”«»‹›「『].*["“”«»‹›」』]/s;
const HIDDEN = '"…"';

/** How libpq begins or ends what it says of a connection string that it cannot read: it quotes from it. */
const CONNECTION_STRING = /connection (?:info )?string|connection option|percent-encoded|\bURI\b/;

/** In characters: names are short, and each is looked for in the whole file. */
const LONGEST = 1_000;

/**
 * What a value was taken to name and is not found, or not supported: feature_not_supported, invalid_catalog_name,
 * invalid_schema_name, syntax_error, invalid_name, undefined_table, undefined_object, undefined_function, undefined_file.
 */
const NAMED = new Set(['0A000', '3D000', '3F000', '42601', '42602', '42P01', '42704', '42883', '58P01']);

/** The message; `written` is what the migrations' authors wrote: the file of the statement, nothing where there is none. */
export function serverMessage({ sqlstate, message }: QueryError, written: string): string {
  if (sqlstate.startsWith('22')) return withoutValues(message);
  if (CONNECTION_STRING.test(message)) return message.replace(/".*"/s, HIDDEN);
  if (!NAMED.has(sqlstate)) return message;
  if (sqlstate === '42601' && parserMessage(message, '') !== message) return parserMessage(message, '');
  if (message.length <= LONGEST && namesOf(message).every(name => standsIn(written, name))) return message;
  return withoutDottedNames(message.replace(QUOTED, HIDDEN));
}

/** The server's advice, which may quote a value, too; or where the name is to be found that its message is left without. */
export function serverHint(error: QueryError, written: string): string | undefined {
  const { sqlstate, hint } = error;
  if (hint !== undefined) return /^(22|XX)/.test(sqlstate) ? hint.replace(QUOTED, HIDDEN) : hint;
  const isNameless = NAMED.has(sqlstate) && sqlstate !== '42601' && serverMessage(error, written) !== error.message;
  return isNameless ? 'the name stands in no statement of the file: the log of the server has it' : undefined;
}

/** The message of an error that nobody foresaw, so of a statement of ours: its names are ours, a value is not. */
export function unforeseenMessage(error: QueryError): string {
  return serverMessage(error, error.message);
}

/** The name of a setting is the server's own; dates that were put together, and bytes, stand without quotes behind a colon. */
function withoutValues(message: string): string {
  const kept = /^invalid value for parameter "[\w.]+"/.exec(message)?.[0] ?? '';
  const rest = message.slice(kept.length).replace(QUOTED, HIDDEN);
  return kept + rest.replace(/: (?:"…"|-?\d|0x).*$/s, '');
}

function withoutDottedNames(message: string): string {
  return message.replace(/(\(too many dotted names\)): .*$/s, '$1');
}

function namesOf(message: string): readonly string[] {
  const dotted = /\(too many dotted names\): (.*)$/s.exec(message)?.[1];
  const quoted = [...message.matchAll(/"([^"]*)"/g)].map(([, name]) => name ?? '');
  const others = /[„“”«»‹›「」『』]/.test(message) ? [QUOTED.exec(message)?.[0].slice(1, -1).trim() ?? ''] : [];
  return [...quoted, ...others, ...(dotted === undefined ? [] : [dotted])];
}

/** Whether these words are written there, however they are quoted. */
function standsIn(written: string, name: string): boolean {
  const [text, sought] = [written, name].map(one => one.replaceAll('"', '').toLowerCase()) as [string, string];
  if (sought === '') return true;
  for (let at = text.indexOf(sought); at >= 0; at = text.indexOf(sought, at + 1)) {
    if (!LETTER.test(text[at - 1] ?? '') && !LETTER.test(text[at + sought.length] ?? '')) return true;
  }
  return false;
}

const LETTER = /[\p{L}\p{N}_$]/u;
