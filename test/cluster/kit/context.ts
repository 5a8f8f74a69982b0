// The hash of a build context: every file that the image build can see, by path, mode and
// content, so that an unchanged image is not built again. Obeys .dockerignore.
// https://docs.docker.com/build/concepts/context/#dockerignore-files

import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join, matchesGlob } from 'node:path';
import { hash } from './binaries.ts';

interface Rule {
  readonly pattern: string;
  readonly effect: 'leave out' | 'take';
}

export function hashContext(context: string): string {
  const file = join(context, '.dockerignore');
  const rules = existsSync(file) ? parseIgnoreFile(readFileSync(file, 'utf8')) : [];
  return hash(...[...describe(context, '', rules)].flat());
}

function parseIgnoreFile(text: string): Rule[] {
  const lines = text.split('\n').map(line => line.trim());
  return lines
    .filter(line => line !== '' && !line.startsWith('#'))
    .map(line => ({
      line: line.replace(/^!/, ''),
      effect: line.startsWith('!') ? ('take' as const) : ('leave out' as const),
    }))
    .map(({ line, effect }) => ({ pattern: line.replace(/^\.?\//, '').replace(/\/$/, ''), effect }));
}

/** The last rule that matches the path or a folder above it decides. */
function isLeftOut(path: string, rules: readonly Rule[]): boolean {
  const parts = path.split('/');
  const withParents = parts.map((_, index) => parts.slice(0, index + 1).join('/'));
  const rule = rules.findLast(({ pattern }) => withParents.some(candidate => matchesGlob(candidate, pattern)));
  return rule?.effect === 'leave out';
}

function* describe(context: string, folder: string, rules: readonly Rule[]): Generator<(string | Buffer)[]> {
  const entries = readdirSync(join(context, folder), { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    const isOut = isLeftOut(path, rules);
    const full = join(context, path);
    if (entry.isDirectory()) {
      if (!isOut || mayHoldTaken(path, rules)) yield* describe(context, path, rules);
    } else if (isOut) {
      // not a part of the image
    } else if (entry.isSymbolicLink()) {
      yield [path, readlinkSync(full)];
    } else {
      yield [path, String(statSync(full).mode), readFileSync(full)];
    }
  }
}

function mayHoldTaken(folder: string, rules: readonly Rule[]): boolean {
  return rules.some(
    ({ pattern, effect }) => effect === 'take' && (pattern.startsWith(`${folder}/`) || pattern.startsWith('*')),
  );
}
