// What people write, or a server says, is of any length. Whatever reads it must come to an end: a pattern that looks at a text once
// for each of its letters takes minutes for a value of a few hundred kilobytes, and a process that is in it hears no signal.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';

const LETTERS = "'x'.repeat(1_000_000)";

/** By file: a call of what it exports, and texts that took it minutes or hours once. */
const READERS: Readonly<Record<string, readonly [call: string, texts: readonly string[]]>> = {
  'src/api/secrets.ts': [
    "withoutSecrets(text, ['hunter2'])",
    [
      ...["'a://'", "'://a:'", "'://u:p@'", "'password '", "'password='", '"password \'"', "'password $a'"].map(
        piece => `${piece}.repeat(200_000)`,
      ),
      ...[LETTERS, `${LETTERS} + '://u:p@'`, "'password' + ' '.repeat(1_000_000)"],
    ],
  ],
  'src/operator/migration/wording.ts': [
    'withoutSecrets(text)',
    [LETTERS, `'://a:'.repeat(200_000)`, `'"password" '.repeat(100_000)`],
  ],
  'src/engine/errors.ts': [
    "failure('ServerInTrouble', { reason: text })",
    ["'.'.repeat(500_000) + 'x'", "' '.repeat(500_000) + 'x'"],
  ],
  'src/schema/statements/names.ts': ['namesIn(text)', [LETTERS, `'"'.repeat(500_000)`, "'a.'.repeat(500_000)"]],
  'src/engine/sql/statements.ts': [
    "parseFile({ file: '001_a.up.sql', text: 'DO $a$ ' + text + ' $a$', checksum: '' })",
    ["'/*x'.repeat(300_000)", "'copy ' + ' '.repeat(500_000)", "'grant' + ' '.repeat(500_000)", LETTERS],
  ],
  'src/engine/sql/constants.ts': [
    'withoutPasswords(text)',
    [...["'/*'", "'$a$ $b'", `"E'\\\\"`, `"password ''"`, "'$'"].map(piece => `${piece}.repeat(200_000)`), LETTERS],
  ],
  'src/engine/server-message.ts': [
    "serverMessage({ sqlstate: '42P01', message: text }, text)",
    [LETTERS, `'"'.repeat(500_000)`, "'\u00ab'.repeat(500_000)", "'a '.repeat(500_000)"],
  ],
  'src/engine/sql/syntax-hints.ts': [
    'syntaxHint(text, 0)',
    ["'\\n'.repeat(500_000)", "' COPY'.repeat(50_000) + ' FROM STDIN'.repeat(50_000)", "'<%'.repeat(1_000_000)"],
  ],
  'src/schema/normalize.ts': [
    'normalizedView(text)',
    ["'SELECT ' + Array.from({ length: 2_000 }, () => 'f(' + 't.a, '.repeat(99) + '1)').join(', ') + ' FROM t'"],
  ],
};

describe('A long text', () => {
  for (const [file, [call, texts]] of Object.entries(READERS)) {
    it(`is read to its end by ${file}`, () => {
      const script = `
        const { loadGrammar } = await import(${JSON.stringify(join(import.meta.dirname, '../../src/engine/sql/statements.ts'))});
        await loadGrammar();
        const { ${call.slice(0, call.indexOf('('))} } = await import(${JSON.stringify(join(import.meta.dirname, '../..', file))});
        for (const text of [${texts.join(', ')}]) ${call};
        console.log('read');`;
      const { stdout, stderr, signal } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
        encoding: 'utf8',
        timeout: 60_000,
        killSignal: 'SIGKILL',
      });
      assert.deepEqual([stdout.trim(), stderr, signal], ['read', '', null]);
    });
  }
});
