// What a person sees: data on standard output, everything that is said about it (progress, notes, questions) on standard
// error, so that a pipe gets data alone. Colour only on a terminal and never with NO_COLOR. Knows no command.
import { once } from 'node:events';
import type { ReadStream, WriteStream } from 'node:tty';
import { UsageError } from './failure.ts';

export type Style = 'good' | 'bad' | 'warn' | 'dim' | 'bold';
const CODES: Readonly<Record<Style, readonly [number, number]>> = {
  good: [32, 39],
  bad: [31, 39],
  warn: [33, 39],
  dim: [2, 22],
  bold: [1, 22],
};

export type Output = 'text' | 'json' | 'yaml';
type Stream = Pick<WriteStream, 'write'> & { readonly isTTY?: boolean };

export class Terminal {
  readonly #out: Stream;
  readonly #err: Stream;
  readonly #in: NodeJS.ReadStream | ReadStream;
  readonly #environment: NodeJS.ProcessEnv;

  constructor(out: Stream, err: Stream, input: NodeJS.ReadStream | ReadStream, environment: NodeJS.ProcessEnv) {
    this.#out = out;
    this.#err = err;
    this.#in = input;
    this.#environment = environment;
  }

  /** One line of the answer. */
  print(line: string): void {
    this.#out.write(`${line}\n`);
  }

  /** One line about the answer. */
  say(line: string): void {
    this.#err.write(`${line}\n`);
  }

  /** Prints data in the asked form; `text` gives its lines for a person. */
  async data(output: Output, value: unknown, text: () => readonly string[]): Promise<void> {
    if (output === 'json') this.print(JSON.stringify(value, undefined, 2));
    else if (output === 'yaml') this.#out.write((await import('./yaml.ts')).stringify(value));
    else for (const line of text()) this.print(line);
  }

  /** Styles text for standard output. */
  styled(style: Style, text: string): string {
    return this.#paint(this.#out, style, text);
  }

  /** Styles text for standard error. */
  noted(style: Style, text: string): string {
    return this.#paint(this.#err, style, text);
  }

  #paint(stream: Stream, style: Style, text: string): string {
    const { NO_COLOR, TERM } = this.#environment;
    if (stream.isTTY !== true || (NO_COLOR !== undefined && NO_COLOR !== '') || TERM === 'dumb') return text;
    const [on, off] = CODES[style];
    return `\u001b[${on}m${text}\u001b[${off}m`;
  }

  /** Asks for a yes; Ctrl-C and Ctrl-D are a no. Where nobody can answer it throws a UsageError that names --yes. */
  async confirm(question: string, signal: AbortSignal): Promise<'Yes' | 'No'> {
    if (this.#in.isTTY !== true) {
      throw new UsageError(`There is no terminal to ask at: ${question} Run it again with --yes if that is meant.`);
    }
    const { createInterface } = await import('node:readline/promises');
    const reader = createInterface({ input: this.#in, output: this.#err as NodeJS.WritableStream });
    // Where what is said goes to a pipe, Ctrl-D ends the input and leaves the question itself open for good.
    const closed = once(reader, 'close').then(() => undefined);
    try {
      const answer = await Promise.race([reader.question(`${question} [y/N] `, { signal }), closed]);
      if (answer !== undefined) return /^y(es)?$/i.test(answer.trim()) ? 'Yes' : 'No';
    } catch (error) {
      if (!(error instanceof Error && error.name === 'AbortError')) throw error;
    } finally {
      reader.close();
    }
    this.say('');
    return 'No';
  }
}

/** Lines of a table: columns as wide as their widest cell, the last one free. */
export function tableLines(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map(row => row[column]?.length ?? 0)));
  return all.map(row =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** `1 row`, `2 rows`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** A time a person can read: 12 ms, 3.4 s, 2 min 5 s. */
export function duration(milliseconds: number): string {
  if (milliseconds < 1_000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 60_000) return `${(milliseconds / 1_000).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1_000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
