// Draws the schema, and writes or compares the drawing. Called by erd.
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { ExitCode } from '../api/exit-codes.ts';
import type { Invocation } from './command.ts';
import { UsageError } from './failure.ts';
import { makeFolder, readText, writeText } from './folder.ts';
import { counted } from './terminal.ts';

export async function drawSchema(invocation: Invocation): Promise<ExitCode> {
  const { options, settings, terminal } = invocation;
  const out = options.text('out');
  const format = options.text('format') ?? (out?.endsWith('.svg') ? 'svg' : 'mermaid');
  if (options.has('check') && out === undefined)
    throw new UsageError('--check needs --out: the file that is to be compared.');
  const model = await (await invocation.database()).model();
  const bare =
    format === 'svg'
      ? (await import('../schema/erd/svg.ts')).svgOf(model)
      : (await import('../schema/erd/mermaid.ts')).mermaidOf(model);
  // A Markdown file shows Mermaid in a fence alone.
  const drawing = format === 'mermaid' && out?.endsWith('.md') ? `\`\`\`mermaid\n${bare}\`\`\`\n` : bare;
  if (out === undefined) {
    terminal.print(drawing.trimEnd());
    return 0;
  }
  const file = resolve(settings.directory, out);
  if (!options.has('check')) {
    makeFolder(dirname(file));
    writeText(file, drawing);
    terminal.print(
      `${out}: ${counted(model.tables.length, 'table')}, ${counted(model.references.length, 'reference')}`,
    );
    return 0;
  }
  if (existsSync(file) && readText(file) === drawing) {
    terminal.print(terminal.styled('good', `${out} is what the schema gives.`));
    return 0;
  }
  const what = existsSync(file) ? 'is not what the schema gives any more' : 'is not there';
  terminal.print(terminal.styled('bad', `${out} ${what}; draw it again: migrate erd --out ${out}`));
  return 1;
}
