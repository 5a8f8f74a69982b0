// messages.md: what each row of the table is told, so that a person can read all of it in one go. Written anew with
// UPDATE_GOLDENS=1, else compared.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { PLACES, type Place, type Row } from './table.ts';

const FILE = join(import.meta.dirname, 'messages.md');

const TITLES: Readonly<Record<Place, string>> = {
  apiServer: 'Refused by the API server',
  strict:
    'Fields that do not exist: refused with strict validation and by server-side apply, else dropped with a warning',
  admit: 'Said in the status before anything is started',
  plan: 'Said in the status after the Job that plans; nothing else is started',
  fine: 'Odd, but right',
};

export class Messages {
  readonly #said = new Map<Row, readonly string[]>();

  /** What a row was told: a line a paragraph. */
  add(row: Row, said: readonly string[]): void {
    this.#said.set(row, said);
  }

  expectAsWritten(): void {
    const now = this.#render();
    if (process.env.UPDATE_GOLDENS === '1') writeFileSync(FILE, now);
    else assert.equal(now, readFileSync(FILE, 'utf8'), 'messages.md differs; UPDATE_GOLDENS=1 writes it anew');
  }

  #render(): string {
    const parts = [
      '# What people are told about mistakes in their input',
      '',
      'Written by test/input from manifests.yaml. The sentence of the API server that rules were left out for other errors is',
      'left out.',
      '',
    ];
    for (const place of PLACES) {
      parts.push(`## ${TITLES[place]}`, '');
      for (const [row, said] of [...this.#said].filter(([one]) => one.place === place)) {
        parts.push(`### ${row.name}`, '', '```yaml', stringify(row.written, { lineWidth: 0 }).trimEnd(), '```', '');
        parts.push(...said.flatMap(line => [`> ${line.replaceAll('\n', '\n> ')}`, '']));
      }
    }
    return `${parts.join('\n').trimEnd()}\n`;
  }
}
