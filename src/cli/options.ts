// The options of one call, as its function asks for them: present, text, or a whole number. Called by every command.
import { UsageError } from './failure.ts';

/** The options of a call, by their long names in camel case. */
export class Options {
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(values: Readonly<Record<string, unknown>>) {
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
      const flag = name.replaceAll(/[A-Z]/g, letter => `-${letter.toLowerCase()}`);
      throw new UsageError(`--${flag} must be a whole number of at least ${least}, not ${JSON.stringify(text)}.`);
    }
    return value;
  }
}
