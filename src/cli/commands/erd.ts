// `migrate erd`
import type { Command } from '../command.ts';

export const erd: Command = {
  name: 'erd',
  summary: 'Draw the schema as an entity-relationship diagram, in Mermaid or SVG',
  about: [
    'The same schema gives the same bytes, so that the drawing can be committed and checked in CI. No browser is needed. Mermaid in a file that ends in .md is put in a fence.',
  ],
  options: [
    {
      flags: '-f, --format <name>',
      about: 'mermaid or svg (default: by the name of --out, else mermaid)',
      choices: ['mermaid', 'svg'],
    },
    { flags: '--out <file>', about: 'write it there instead of printing it' },
    { flags: '--check', about: 'only compare with what --out holds; exit code 1 when that is stale' },
  ],
  examples: [
    { line: 'migrate erd --out docs/schema.svg', about: 'a picture for the docs' },
    { line: 'migrate erd --out docs/schema.svg --check', about: 'in CI: is the committed one still right?' },
  ],
  takes: ['Database'],
  async run(invocation) {
    const { drawSchema } = await import('../drawing.ts');
    return drawSchema(invocation);
  },
};
