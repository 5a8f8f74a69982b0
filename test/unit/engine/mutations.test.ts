// The points of docs/protocol-tests.md against the code as it is: whoever changes the text of one is told at once, not by
// `npm run test:mutations`, which takes minutes and is run now and then.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { MUTATIONS } from '../../mutations/table.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

/** Whether the text has the name, whole or put together: anything may stand where a value goes in, at its beginning what the text has. */
function hasName(text: string, name: string): boolean {
  const templates = (text.match(/`[^`]*\$\{[^`]*`/g) ?? []).map(template => template.slice(1, -1).split(/\$\{[^}]*\}/));
  return (
    text.includes(name) ||
    templates.some(([first = '', ...rest]) => {
      const last = rest.at(-1) ?? name;
      if (!name.startsWith(first) || !name.endsWith(last)) return false;
      return first !== '' || (last !== '' && text.includes(`'${name.slice(0, -last.length)}'`));
    })
  );
}

describe('A point of the protocol that can be taken out', () => {
  it('stands exactly once in its file', () => {
    const elsewhere = MUTATIONS.filter(({ file, from }) => read(file).split(from).length !== 2);
    assert.deepEqual(
      elsewhere.map(({ point, file, from }) => ({ point, file, from })),
      [],
      'change test/mutations/table.ts with the code',
    );
  });

  it('has a test of that name', () => {
    const nameless = MUTATIONS.filter(({ test, named }) => !hasName(read(`test/engine/${test}`), named));
    assert.deepEqual(
      nameless.map(({ test, named }) => `${test}: ${named}`),
      [],
    );
  });

  it('is in docs/protocol-tests.md, and nothing else is', () => {
    const rows = read('docs/protocol-tests.md').match(/^\| .* \| `src\/.*$/gm) ?? [];
    const expected = MUTATIONS.map(one => `| ${one.point} | \`${one.file}\` | \`${one.test}\`: ${one.named} |`);
    assert.deepEqual(rows, expected);
  });
});
