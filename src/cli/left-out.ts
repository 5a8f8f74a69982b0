// What of the migrations is not run in a scratch database, because it would change the server that this shares with the real
// one: told to a person once each, before it is left out. Called by test-copying.ts and schema-from-files.ts.
import { EngineError } from '../engine/errors.ts';
import type { Plan, PlannedTransaction } from './database.ts';
import type { Terminal } from './terminal.ts';

export interface LeftOut {
  readonly version: string;
  readonly line: number;
  /** `CREATE ROLE` */
  readonly what: string;
}

export class LeftOutStatements {
  readonly #terminal: Terminal;
  readonly #told = new Map<string, LeftOut>();

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  get all(): readonly LeftOut[] {
    return [...this.#told.values()];
  }

  /** Tells of what a plan leaves out and was not told yet. */
  tell({ transactions }: Plan): void {
    for (const { version, line, text, leftOut } of transactions.flatMap(statementsToRun)) {
      const key = JSON.stringify([version, line, text]);
      if (leftOut === undefined || this.#told.has(key)) continue;
      this.#told.set(key, { version, line, what: leftOut });
      const where = `${version}, line ${line} (${leftOut})`;
      this.#terminal.say(
        this.#terminal.noted('warn', `not run here, because it reaches beyond the database: ${where}`),
      );
    }
  }

  /** Says of an object that is not there that it may be one of those that were not made. Rethrows. */
  async running<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const isMissing = error instanceof EngineError && error.place.sqlstate === UNDEFINED_OBJECT;
      if (isMissing && this.#told.size > 0) {
        const remedy =
          'Make it on the server first, or run this on a server that may be changed, with --disposable-server';
        this.#terminal.say(this.#terminal.noted('warn', `what is missing may be what was not run here. ${remedy}.`));
      }
      throw error;
    }
  }
}

/** Of a role, among others: https://www.postgresql.org/docs/current/errcodes-appendix.html */
const UNDEFINED_OBJECT = '42704';

function statementsToRun({ state, statements }: PlannedTransaction): PlannedTransaction['statements'] {
  return state === 'Done' ? [] : statements;
}
