// How files and ledger stand to each other: what is applied, pending, unknown, half done. Reads only, and reports a changed
// file instead of failing over it. Called by current and history.
import { existsSync } from 'node:fs';
import type { Invocation } from './command.ts';
import type { AppliedVersion } from './database.ts';
import { readFolder } from './source.ts';

export interface Standing {
  readonly version: string | null;
  readonly applied: readonly (AppliedVersion & { readonly file: 'Same' | 'Changed' | 'Missing' })[];
  readonly pending: readonly string[];
  /** Applied versions that have no file. */
  readonly unknown: readonly string[];
  readonly halfDone: readonly string[];
}

export async function standing(invocation: Invocation): Promise<Standing> {
  const database = await invocation.database();
  const { ledger, applied } = await database.state();
  // What is applied can be told without a folder; then everything is unknown to it and nothing pending.
  const { migrations: folder } = invocation.settings;
  const hasFolder = existsSync(folder);
  if (!hasFolder) {
    const note = `note: there is no folder ${folder}, so what is pending is not known; --dir names another`;
    invocation.terminal.say(invocation.terminal.noted('dim', note));
  }
  const migrations = hasFolder ? (await readFolder(invocation.settings, database.dialect)).migrations : [];
  const files = new Map(migrations.map(migration => [migration.version, migration]));
  const checksums = new Map(ledger.applied.map(row => [row.version, row.upChecksum]));
  const fileOf = (version: string) => {
    const file = files.get(version);
    if (file === undefined) return 'Missing';
    return file.up.checksum === checksums.get(version) ? 'Same' : 'Changed';
  };
  return {
    version: ledger.version,
    applied: applied.map(row => ({ ...row, file: fileOf(row.version) })),
    pending: migrations.filter(({ version }) => !checksums.has(version)).map(({ version }) => version),
    unknown: hasFolder ? applied.filter(row => !files.has(row.version)).map(row => row.version) : [],
    halfDone: [...new Set(ledger.progress.map(row => row.version))],
  };
}
