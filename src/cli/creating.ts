// Makes the two files of a new migration under the next free number. Never overwrites: two people at once get an error,
// not a lost file. Called by create.
import { closeSync, existsSync, openSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { commented } from '../schema/statements/text.ts';
import { UsageError } from './failure.ts';
import { makeFolder } from './folder.ts';
import type { Settings } from './settings.ts';

export interface Created {
  readonly version: string;
  readonly files: readonly string[];
  readonly notes: readonly string[];
}

const LONGEST = 100;

/** What the two files say. */
export interface MigrationTexts {
  readonly up: string;
  readonly down: string;
  readonly notes: readonly string[];
}

/** Writes the files: with templates, where there are no texts for them. Throws UsageError. */
export function createMigration(settings: Settings, description: string, text = templates(description)): Created {
  const name = nameFrom(description);
  makeFolder(settings.migrations);
  assertOwnLayout(settings.migrations, readdirSync(settings.migrations));
  const version = `${nextNumber(readdirSync(settings.migrations))}_${name}`;
  const files = (['up', 'down'] as const).map(way => {
    const path = join(settings.migrations, `${version}.${way}.sql`);
    writeNew(path, text[way]);
    return relative(settings.directory, path);
  });
  return { version, files, notes: text.notes };
}

function templates(description: string): MigrationTexts {
  return {
    up: `${commented(description.trim().replaceAll(/\s+/g, ' '))}\n-- One transaction; the statements that bring the schema up.\n`,
    down: `-- Takes ${JSON.stringify(description.trim())} back. Without statements nothing is taken back: remove this file if there is no way.\n`,
    notes: [],
  };
}

/** A file that could be made and not be written (a full disk) would be an empty migration: it is taken away again. */
function writeNew(path: string, text: string): void {
  const descriptor = openSync(path, 'wx');
  try {
    writeFileSync(descriptor, text);
  } catch (error) {
    rmSync(path, { force: true });
    throw Object.assign(error as Error, { path });
  } finally {
    closeSync(descriptor);
  }
}

/** Another tool's folder keeps that tool's names, and what would be made here would be a second layout in it. */
function assertOwnLayout(folder: string, names: readonly string[]): void {
  const others = names.filter(name => name.endsWith('.sql') && !/\.(up|down)(\.sqlite)?\.sql$/.test(name));
  const isDiesel = names.some(name => /^[0-9]/.test(name) && existsSync(join(folder, name, 'up.sql')));
  if (others.length === 0 && !isDiesel) return;
  throw new UsageError(
    `${folder} is written for another tool (${others[0] ?? names[0]}). Make the next file as that tool does: one folder has one layout.`,
  );
}

/** Letters that are no letter with a mark, as they are written without them. */
const LETTERS: Readonly<Record<string, string>> = {
  ß: 'ss',
  æ: 'ae',
  ø: 'o',
  œ: 'oe',
  ł: 'l',
  đ: 'd',
  ð: 'd',
  þ: 'th',
};

/** `Add "Ünïcode" names!` → `add_unicode_names`. */
function nameFrom(description: string): string {
  const name = description
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .toLowerCase()
    .replaceAll(/[ßæøœłđðþ]/g, letter => LETTERS[letter] ?? '')
    .replaceAll(/[^a-z0-9]+/g, '_')
    .slice(0, LONGEST)
    .replaceAll(/^_+|_+$/g, '');
  if (name !== '') return name;
  throw new UsageError(
    `The description ${JSON.stringify(description)} gives no name: write a few words with letters a to z, or digits.`,
  );
}

/** One more than the highest, as wide as it is, at least three digits. */
function nextNumber(names: readonly string[]): string {
  const numbers = names.map(name => /^(\d{1,18})_.*\.sql$/.exec(name)?.[1]).filter(digits => digits !== undefined);
  const highest = numbers.reduce((most, digits) => (BigInt(digits) > most ? BigInt(digits) : most), 0n);
  const width = Math.max(3, ...numbers.map(digits => digits.length));
  return String(highest + 1n).padStart(width, '0');
}
