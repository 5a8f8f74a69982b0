// What of a text may be shown where people read: known secrets, passwords of URLs, of connection strings and of SQL are hidden.
// Takes whole texts, before anything is cut off them: half a secret would not be found. It runs on every log line, also while
// a transaction is open, and on texts as large as a file, so every pattern must be linear in the text: none may begin its
// search again at each character of a run. Called by the runner (run.ts, result.ts), the
// command line (failure.ts) and the operator (wording.ts).

const HIDDEN = '***';

/** Hides every secret, and whatever looks like the password of a URL, of a connection string or of a role. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  let clean = text;
  for (const secret of secrets) if (secret.length >= 3) clean = clean.replaceAll(secret, HIDDEN);
  return withoutUrlPasswords(clean)
    .replace(ASSIGNED, (_, name: string, sign: string) => `${name}${sign}${HIDDEN}`)
    .replace(QUOTED, (_, name: string) => `${name}${HIDDEN}`);
}

/** Hides the passwords of URLs alone. */
export function withoutUrlPasswords(text: string): string {
  return text.includes('://') ? text.replace(/\S+/g, withoutUrlPassword) : text;
}

/** Where somebody has cut a text before it came here, a quote may lack its end. */
const ASSIGNED = /\b(password|passwd|pwd)(\s*[=:]\s*)('[^']*(?:'|$)|"[^"]*(?:"|$)|[^\s,;'"]+)/gi;
/** As SQL has it: `PASSWORD 'x'`, also with a prefix, between dollars, or in a string itself. Not `"password" 'x'`, nor `'password', 'x'`. */
const QUOTED = new RegExp(
  `(?<!['"$\\w])(password\\s*)(?:${[
    String.raw`''(?=[^'\s,;)])(?:''''|[^'])*(?:'{1,2}|$)`,
    String.raw`(?:\b[ebxn]|\bu&)?\\?'[^'\\]*(?:(?:\\.|'')[^'\\]*)*(?:'|\\?$)`,
    String.raw`\$(\w*)\$[\s\S]*?(?:\$\2\$|$)`,
  ].join('|')})`,
  'gi',
);

/**
 * Of a text without white space: what stands between the colon behind a user's name and the last "@". A password may hold
 * whatever somebody has forgotten to encode, so it ends no sooner.
 */
function withoutUrlPassword(run: string): string {
  const at = run.lastIndexOf('@');
  for (let start = run.indexOf('://'); start >= 0 && start < at; start = run.indexOf('://', start + 3)) {
    USER.lastIndex = start + 3;
    const user = USER.exec(run)?.[0];
    const password = start + 3 + (user?.length ?? 0);
    if (user !== undefined && password < at) return `${run.slice(0, password)}${HIDDEN}${run.slice(at)}`;
  }
  return run;
}

/** Ends at the latest at the colon of the next "://", so all tries together read a text once. */
const USER = /[^:/]*:/y;
