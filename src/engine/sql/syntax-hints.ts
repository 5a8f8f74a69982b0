// What somebody probably meant whose file the grammar does not take: commands of psql, a dump, rows for COPY, placeholders
// that nobody fills in, a missing semicolon. Pure; called by statements.ts when a file is not valid SQL.

/** What to do about it, as a sentence; undefined when nothing comes to mind. */
export function syntaxHint(text: string, offset: number): string | undefined {
  const line = lineAt(text, offset);
  if (/^[^\S\n]*\\restrict\b/m.test(text) || (DUMP.test(text) && isForPsql(text)))
    return 'It is a dump for psql. Make it with pg_dump --inserts, and remove the lines that begin with a backslash.';
  if (hasCopyOfRows(text) && (/^\\\.\s*$/m.test(text) || hasCopyOfRows(text.slice(0, offset))))
    return 'The rows after COPY … FROM STDIN are not SQL. Write them as INSERT statements; pg_dump does so with --inserts.';
  const [, command] = /^\s*\\([a-z]+|[^\s\w])/.exec(line) ?? [];
  if (command !== undefined) return psqlHint(command);
  const placeholder = placeholderAt(text, offset);
  if (placeholder !== undefined)
    return `Nobody fills in the placeholder ${placeholder}. Write the value itself, or fill it in before the file comes here.`;
  if (/^'\w/.test(text.slice(Math.max(0, offset - 1), offset + 1)))
    return "A quote that belongs to a string is written twice: ''.";
  if (isStatementStart(text, offset)) return 'The statement before it may lack its semicolon.';
  return undefined;
}

const DUMP = /^-- PostgreSQL database (cluster )?dump/m;

/** Statement by statement, and from the first word alone: a file may have megabytes without a semicolon. */
function hasCopyOfRows(text: string): boolean {
  const ended = text.split(';').slice(0, -1);
  return ended.some(statement => {
    const copy = statement.search(/\bCOPY\b/i);
    return copy >= 0 && /\bFROM\s+STDIN\b/i.test(statement.slice(copy));
  });
}

function isForPsql(text: string): boolean {
  return hasCopyOfRows(text) || /^\\/m.test(text);
}

function psqlHint(command: string): string {
  if (['i', 'ir', 'include', 'include_relative'].includes(command))
    return `The command \\${command} is psql's, not SQL. Put the text of the other file here, or make it a migration of its own.`;
  if (command === 'copy')
    return "The command \\copy is psql's, not SQL. Write the rows as INSERT statements; pg_dump does so with --inserts.";
  return `The command \\${command} is psql's, not SQL. Remove the line; what it does must be said in SQL.`;
}

/** How far a placeholder is looked for within its line, which may be of any length. */
const NEAR = 2_000;

/** `${x}`, `{{x}}`, `:x`, `%(x)s` and `@x@` at the place of the error, or right before it, at most 60 characters of it. */
function placeholderAt(text: string, offset: number): string | undefined {
  const near = Math.max(0, offset - NEAR);
  const start = near + text.slice(near, offset).lastIndexOf('\n') + 1;
  const [line = ''] = text.slice(start, offset + NEAR).split('\n', 1);
  const forms = /\$\{[^}\n]*\}?|\{\{[^\n]*?(?:\}\}|$)|%\(\w+\)s|@\w+@|<%[^\n]*?%>|:['"]?[a-z_]\w*['"]?/gi;
  for (const { 0: found, index } of line.matchAll(forms)) {
    const end = start + index + found.length;
    if (offset >= start + index && offset <= end) return found.slice(0, 60);
  }
  return undefined;
}

function isStatementStart(text: string, offset: number): boolean {
  const isFirstOfLine = /(^|\n)[ \t]*$/.test(text.slice(0, offset));
  const words = /^(CREATE|ALTER|DROP|INSERT|UPDATE|DELETE|GRANT|REVOKE|COMMENT|SELECT|TRUNCATE|DO|SET|BEGIN|COMMIT)\b/i;
  return isFirstOfLine && text.slice(0, offset).trim() !== '' && words.test(text.slice(offset));
}

function lineAt(text: string, offset: number): string {
  const start = text.lastIndexOf('\n', offset - 1) + 1;
  const end = text.indexOf('\n', offset);
  return text.slice(start, end < 0 ? text.length : end);
}
