// The options of one call, as its function asks for them: present, text, or a whole number. Called by every command.
import { UsageError } from './failure.ts';

/** The options of a call, by their long names in camel case. */
export class Options {
  readonly #values: Readonly<Record<string, unknown>>;

  /** Throws UsageError for a value that is given and empty, as of a variable that is not set: it would mean another place. */
  constructor(values: Readonly<Record<string, unknown>>) {
    for (const [name, value] of Object.entries(values)) {
      if (typeof value !== 'string' || value.trim() !== '') continue;
      throw new UsageError(`${flagOf(name)} is given without a value. Give it one, or leave it out.`);
    }
    this.#values = values;
  }

  has(name: string): boolean {
    const value = this.#values[name];
    return value !== undefined && value !== false;
  }

  text(name: string): string | undefined {
    const value = this.#values[name];
    return typeof value === 'string' ? value : undefined;
  }

  /** A whole number of at least `least`. Throws UsageError. */
  integer(name: string, least: number): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least) {
      throw new UsageError(`${flagOf(name)} must be a whole number of at least ${least}, not ${JSON.stringify(text)}.`);
    }
    return value;
  }
}

/** `dryRun` → `--dry-run`. */
function flagOf(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)}`;
}
