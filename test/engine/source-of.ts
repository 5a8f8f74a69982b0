// Migrations that nobody runs: a source of files with these names, read in the layout that fits them.

import { recogniseLayout } from '../../src/engine/layouts/recognise.ts';
import type { Source } from '../../src/engine/source/files.ts';

export function sourceOf(files: readonly string[], text = ''): Source {
  const found = files.map(path => ({ path, place: path, bytes: Buffer.from(text) }));
  const recognised = recogniseLayout(found);
  const { migrations, repeatables } = recognised.layout.read(recognised.files);
  return { migrations, repeatables, layout: 'own', digest: '', ignored: 0, directory: 'migrations' };
}
