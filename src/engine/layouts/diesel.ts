// Diesel's layout: a folder a version, `20240101120000_users/up.sql` and `down.sql`, now and then `metadata.toml`
// (https://docs.rs/diesel_migrations). Called by recognise.ts.
import type { Layout, SourceFile } from './layout.ts';
import { type NamedFile, readPairs } from './up-down.ts';

const FILE = /^([0-9][0-9-]{0,22}_[^/\p{Cc}]{1,120})\/(up|down)\.sql$/u;
const METADATA = /^([^/]+)\/metadata\.toml$/;

export const DIESEL: Layout = {
  name: 'Diesel',
  example: '20240101120000_users/up.sql',
  claims: file => FILE.test(file.path) || METADATA.test(file.path),
  read(files) {
    const standsAlone = new Set(files.filter(isNoTransaction).map(file => folderOf(file)));
    const scripts = files.flatMap((file): NamedFile[] => {
      const [, version, way] = FILE.exec(file.path) ?? [];
      if (version === undefined) return [];
      const noTransaction = standsAlone.has(folderOf(file));
      return [{ file, version, way: way === 'down' ? 'down' : 'up', noTransaction }];
    });
    return readPairs(scripts);
  },
};

function folderOf(file: SourceFile): string {
  return file.path.slice(0, file.path.lastIndexOf('/'));
}

/** The one setting that metadata.toml has. */
function isNoTransaction(file: SourceFile): boolean {
  if (!METADATA.test(file.path)) return false;
  return /^[ \t]*run_in_transaction[ \t]*=[ \t]*false\b/m.test(Buffer.from(file.bytes).toString('utf8'));
}
