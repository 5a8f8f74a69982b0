// The operator's behaviour as a picture book: each folder of cases/ and backup-cases/ is a scene (world.yaml) and what the operator decides
// in it (decision.yaml), a document a pass. UPDATE_GOLDENS=1 rewrites the decisions; read the diff as the person on call.
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { readBackupPasses } from './backup-scenes.ts';
import { readPasses } from './builder.ts';
import { backupPicture, picture } from './picture.ts';

const isUpdate = process.env.UPDATE_GOLDENS === '1' || process.execArgv.includes('--test-update-snapshots');

function scenes(folder: string, show: (world: string) => string): void {
  const cases = join(import.meta.dirname, folder);
  for (const file of globSync('**/world.yaml', { cwd: cases }).toSorted()) {
    test(`${folder}: ${dirname(file).replaceAll('-', ' ').replace('/', ': ')}`, () => {
      const golden = join(cases, dirname(file), 'decision.yaml');
      const actual = show(join(cases, file));
      if (isUpdate) writeFileSync(golden, actual);
      const expected = existsSync(golden) ? readFileSync(golden, 'utf8') : '';
      assert.equal(actual, expected, 'the decision has changed; if that is right: UPDATE_GOLDENS=1 npm run test:quick');
    });
  }
}

scenes('cases', world => picture(readPasses(world)));
scenes('backup-cases', world => backupPicture(readBackupPasses(world)));
