// How files and ledger stand to each other: what is applied, pending, unknown, half done. Reads only, and reports what
// upgrade would refuse instead of failing over it. Called by current and history.
import { existsSync } from 'node:fs';
import { contradictions, renamedToBeRun } from '../engine/contradictions.ts';
import { type EngineError, failure } from '../engine/errors.ts';
import type { Ledger } from '../engine/ledger/ledger.ts';
import { planRepeatables } from '../engine/repeatables.ts';
import type { Source } from '../engine/source/files.ts';
import { longNames } from '../engine/source/long-names.ts';
import type { Invocation } from './command.ts';
import type { AppliedVersion } from './database.ts';
import { readFolder } from './source.ts';
import { terminalMessage } from './words.ts';

export interface Standing {
  readonly version: string | null;
  readonly applied: readonly (AppliedVersion & { readonly file: 'Same' | 'Changed' | 'Missing' })[];
  /** Repeatable migrations as they last ran. */
  readonly repeatables: Standing['applied'];
  /** In the order in which they would run: versions, then repeatable migrations. */
  readonly pending: readonly string[];
  /** Those of the pending that are repeatable: new, or changed since they ran. */
  readonly pendingRepeatables: readonly string[];
  /** Applied versions that have no file. */
  readonly unknown: readonly string[];
  readonly halfDone: readonly string[];
  /** Why the next upgrade would refuse, by version: a changed or renamed file, one that sorts before what is applied. */
  readonly refused: readonly { readonly version: string; readonly message: string }[];
}

export async function standing(invocation: Invocation): Promise<Standing> {
  const database = await invocation.database();
  const { ledger, applied, repeatables, otherLedgers } = await database.state();
  sayElsewhere(invocation, database.ledgerSchema, otherLedgers);
  // What is applied can be told without a folder; then everything is unknown to it and nothing pending.
  const { migrations: path } = invocation.settings;
  const hasFolder = existsSync(path);
  if (!hasFolder) {
    const note = `note: there is no folder ${path}, so what is pending is not known; --dir names another`;
    invocation.terminal.say(invocation.terminal.noted('dim', note));
  }
  const folder = hasFolder ? await readFolder(invocation.settings, database.dialect, 'ShortOrApplied') : undefined;
  const migrations = folder?.migrations ?? [];
  const again = planRepeatables({ repeatables: folder?.repeatables ?? [] }, ledger);
  const pendingRepeatables = again.toRun.map(({ version }) => version);
  const files = new Map([...migrations, ...(folder?.repeatables ?? [])].map(one => [one.version, one]));
  const checksums = new Map([
    ...ledger.applied.map(row => [row.version, row.upChecksum] as const),
    ...ledger.repeatables.map(row => [row.version, row.checksum] as const),
  ]);
  const pending = migrations.filter(({ version }) => !checksums.has(version)).map(({ version }) => version);
  const fileOf = (version: string) => {
    const file = files.get(version);
    if (file === undefined) return 'Missing';
    return file.up.checksum === checksums.get(version) ? 'Same' : 'Changed';
  };
  const refusals = folder === undefined ? [] : refusalsOf(folder, ledger);
  return {
    version: ledger.version,
    applied: applied.map(row => ({ ...row, file: fileOf(row.version) })),
    repeatables: repeatables.map(row => ({ ...row, file: fileOf(row.version) })),
    pending: [...pending, ...pendingRepeatables],
    pendingRepeatables,
    unknown: hasFolder ? [...applied, ...repeatables].map(row => row.version).filter(one => !files.has(one)) : [],
    halfDone: [...new Set(ledger.progress.map(row => row.version))],
    refused: refusals.map(error => ({ version: error.place.migration ?? '', message: terminalMessage(error) })),
  };
}

/** Else "nothing is applied" would be believed. */
export function sayElsewhere({ terminal }: Invocation, schema: string, others: readonly string[]): void {
  if (others.length === 0) return;
  const elsewhere = terminalMessage(failure('LedgerElsewhere', { schema, others }));
  terminal.say(terminal.noted('warn', `note: ${elsewhere}`));
}

/** What `upgrade` finds of these files before it reads a statement. */
function refusalsOf(source: Source, ledger: Ledger): readonly EngineError[] {
  const current = ledger.applied.at(-1)?.number ?? -1n;
  const above = source.migrations.filter(({ number }) => number > current);
  return [...longNames(source, ledger), ...contradictions(source, ledger), ...renamedToBeRun(above, source, ledger)];
}

interface HalfDone {
  readonly halfDone: readonly string[];
  readonly applied: readonly { readonly version: string }[];
}

/** For a person: what is half done, and what goes on with it. Only a way down is half done of what is applied. */
export function halfDoneNotes({ halfDone, applied }: HalfDone): readonly string[] {
  return halfDone.map(version => {
    const next = applied.some(row => row.version === version) ? 'downgrade' : 'upgrade';
    return `half done: ${version}; the next ${next} goes on with it`;
  });
}
