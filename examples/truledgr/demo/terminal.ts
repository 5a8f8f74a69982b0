// Everything that the demo prints goes through here: titles, one line for each thing done with the time it took,
// tables, and wrapped text. Colour and the rewriting of a line are for terminals; piped into a file the same words come
// out plain, each line once.
import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

const IS_TERMINAL = process.stdout.isTTY === true;
const INDENT = '   ';
/** Also for a file, which has no width of its own. */
const WIDEST = 140;

/** The line of a step that is under way, on a terminal only: it is rewritten when the step ends. */
let openLine: string | undefined;

export function styled(style: Style, text: string): string {
  return IS_TERMINAL ? styleText(style, text) : text;
}

export function line(text = ''): void {
  if (openLine !== undefined) process.stdout.write('\r\x1b[K');
  process.stdout.write(text === '' ? '\n' : `${INDENT}${text}\n`);
  if (openLine !== undefined) process.stdout.write(openLine);
}

/** What comes now, and why. */
export function title(name: string, why: string): void {
  process.stdout.write(`\n${styled(['bold', 'cyan'], `━━ ${name} `.padEnd(width(), '━'))}\n`);
  if (why !== '') paragraph(why);
  line();
}

/** A command that does by hand what the demo does now. */
export function command(text: string): void {
  line(styled('dim', `$ ${text}`));
}

/** Says that something begins, runs it, and says how long it took. */
export async function step<T>(what: string, action: () => Promise<T>): Promise<T> {
  const started = performance.now();
  if (IS_TERMINAL) {
    openLine = `${INDENT}${mark('open')} ${what} …`;
    process.stdout.write(openLine);
  }
  let sign = mark('bad');
  try {
    const result = await action();
    sign = mark('good');
    return result;
  } finally {
    if (openLine !== undefined) process.stdout.write('\r\x1b[K');
    openLine = undefined;
    line(`${sign} ${what} ${styled('dim', seconds(performance.now() - started))}`);
  }
}

export function mark(kind: 'good' | 'bad' | 'open'): string {
  if (kind === 'good') return styled('green', '✓');
  return kind === 'bad' ? styled('red', '✗') : styled('yellow', '·');
}

/** Text for a person, broken at words. */
export function paragraph(text: string): void {
  for (const part of wrapped(text)) line(part);
}

/** What a program printed, a little to the right. */
export function quote(text: string): void {
  for (const part of wrapped(text.trimEnd())) line(`${INDENT}${part}`);
}

/** `7.4 s` below a minute, `1 min 12 s` above. */
export function seconds(ms: number): string {
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.floor(ms / 60_000)} min ${String(Math.floor((ms % 60_000) / 1000)).padStart(2, '0')} s`;
}

/** On one line, and cut to what is left of it after `used` columns. */
export function cut(text: string, used: number): string {
  const room = width() - used - INDENT.length;
  const single = text.replaceAll(/\s+/g, ' ');
  return single.length <= room ? single : `${single.slice(0, Math.max(room - 1, 0))}…`;
}

function wrapped(text: string): readonly string[] {
  const room = width() - 2 * INDENT.length;
  return text.split('\n').flatMap(part => wrapLine(part, room));
}

function width(): number {
  return Math.min(Math.max(process.stdout.columns ?? WIDEST, 100), WIDEST);
}

/** Keeps the spaces of a line that fits, since it may be a row of a table. */
function wrapLine(text: string, room: number): readonly string[] {
  if (text.length <= room) return [text];
  const parts: string[] = [];
  let part = '';
  for (const word of text.split(/\s+/)) {
    if (part !== '' && part.length + 1 + word.length > room) {
      parts.push(part);
      part = word;
    } else {
      part = part === '' ? word : `${part} ${word}`;
    }
  }
  return [...parts, part];
}
