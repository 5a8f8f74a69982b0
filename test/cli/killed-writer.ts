// A writer of a SQLite file that is killed in the middle of its transaction, when pages of it are in the file already: what it
// leaves beside the file is a hot journal.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';

const SCRIPT = `const database = new (require('node:sqlite').DatabaseSync)(process.argv[1]);
  database.exec('PRAGMA cache_size = 5; BEGIN; INSERT INTO a WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 50000) SELECT n FROM s');
  process.kill(process.pid, 'SIGKILL');`;

/** The file has a table `a` of one column. */
export function killWriterOf(path: string): void {
  const { signal, stderr } = spawnSync(process.execPath, ['-e', SCRIPT, path]);
  assert.equal(signal, 'SIGKILL', String(stderr));
}
