// The engine's lines of a run as a person at a terminal reads them, in the form that SQLite's progress has: a migration when
// it is done, with its time, and what is running once that takes long. Lines for the logs of a Job are left out, others
// pass. Holds what is running and nothing else; called by sessions.ts.
import { duration } from '../terminal.ts';

const LONG_MS = 2_000;

export class Progress {
  readonly #say: (line: string) => void;
  #running: { readonly since: number; readonly timer: NodeJS.Timeout } | undefined;

  constructor(say: (line: string) => void) {
    this.#say = say;
  }

  /** One line of the engine's log. */
  readonly note = (line: string): void => {
    if (line.startsWith('committing ')) return;
    const [, doing, version] = /^(applying|reverting) (\S+) \(/.exec(line) ?? [];
    const [, done, took = ''] = /^(?:applied|reverted) (\S+) in ([^,]*)$/.exec(line) ?? [];
    if (version !== undefined) this.#begin(`  ${doing} ${version} …`);
    else if (done !== undefined) this.#say(`  ${done}  ${this.#end() ?? took}`);
    else this.#say(`  ${line}`);
  };

  #begin(line: string): void {
    this.#end();
    // Not to hold the process up: what ended without a word is told by its error.
    const timer = setTimeout(() => this.#say(line), LONG_MS).unref();
    this.#running = { since: performance.now(), timer };
  }

  /** How long it took; undefined where its beginning was not said, as of a file in several transactions. */
  #end(): string | undefined {
    const running = this.#running;
    this.#running = undefined;
    if (running === undefined) return undefined;
    clearTimeout(running.timer);
    return duration(performance.now() - running.since);
  }
}
