// The operator's behaviour as a picture book: each folder of cases/ is a scene (world.yaml) and what the operator decides
// in it (decision.yaml), a document a pass. UPDATE_GOLDENS=1 rewrites the decisions; read the diff as the person on call.
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { readPasses } from './builder.ts';
import { picture } from './picture.ts';

const CASES = join(import.meta.dirname, 'cases');
const isUpdate = process.env.UPDATE_GOLDENS === '1' || process.execArgv.includes('--test-update-snapshots');

for (const file of globSync('**/world.yaml', { cwd: CASES }).toSorted()) {
  test(dirname(file).replaceAll('-', ' ').replace('/', ': '), () => {
    const golden = join(CASES, dirname(file), 'decision.yaml');
    const actual = picture(readPasses(join(CASES, file)));
    if (isUpdate) writeFileSync(golden, actual);
    const expected = existsSync(golden) ? readFileSync(golden, 'utf8') : '';
    assert.equal(actual, expected, 'the decision has changed; if that is right: UPDATE_GOLDENS=1 npm run test:quick');
  });
}
