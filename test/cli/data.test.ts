import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { Project } from './project.ts';

const DOCS = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8');

/** Names of all fields, at any depth. */
function fieldsOf(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(fieldsOf);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => [name, ...fieldsOf(inner)]);
}

function documented(command: string): ReadonlySet<string> {
  const row = DOCS.split('\n').find(line => new RegExp(`^\\| [^|]*\\b${command}\\b[^|]* \\| \``).test(line));
  return new Set([...(row ?? '').matchAll(/`(\w+)`/g)].map(match => match[1] ?? ''));
}

describe('Data that a command prints', () => {
  it('is described in the docs, field by field', async () => {
    const project = new Project({
      '001_a.up.sql': 'CREATE TABLE a (n INTEGER); INSERT INTO a VALUES (1);',
      '001_a.down.sql': 'DROP TABLE a;',
    });
    const missing: string[] = [];
    for (const args of [
      ['validate'],
      ['show'],
      ['upgrade', '--dry-run'],
      ['upgrade'],
      ['current'],
      ['history'],
      ['history', '--verify'],
      ['check'],
      ['test-copy'],
      ['backup', 'copy'],
      ['restore', 'copy', '--yes'],
      ['downgrade', 'empty', '--yes'],
      ['baseline'],
      ['create', 'more'],
    ]) {
      if (args[0] === 'baseline') project.execute('CREATE TABLE a (n INTEGER)');
      const names = documented(args[0] ?? '');
      const data: unknown = await project.data(...args);
      missing.push(
        ...fieldsOf(data)
          .filter(name => !names.has(name))
          .map(name => `${args.join(' ')}: ${name}`),
      );
    }
    assert.deepEqual(missing, [], 'what docs/cli.md does not name');
  });
});
