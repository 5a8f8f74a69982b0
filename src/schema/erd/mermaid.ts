// Draws a model as a Mermaid entity-relationship diagram, which GitHub and GitLab show. The same model gives the same text.
// https://mermaid.js.org/syntax/entityRelationshipDiagram.html
import type { ModelColumn, ModelReference, SchemaModel } from './model.ts';

export function mermaidOf({ tables, references }: SchemaModel): string {
  const lines = tables.flatMap(({ name, columns }) =>
    columns.length === 0
      ? [`  ${quoted(name)}`]
      : [`  ${quoted(name)} {`, ...columns.map(column => `    ${columnLine(column)}`), '  }'],
  );
  return ['erDiagram', ...lines, ...references.map(referenceLine), ''].join('\n');
}

/** Types and names of columns may hold letters, digits, `_`, `-`, `()` and `[]` only. */
function columnLine({ name, type, notNull, keys }: ModelColumn): string {
  const parts = [type.replaceAll(/[^\p{L}\p{N}_()[\]-]+/gu, '_'), name.replaceAll(/[^\p{L}\p{N}_-]+/gu, '_')];
  if (keys.length > 0) parts.push(keys.join(', '));
  if (notNull) parts.push('"not null"');
  return parts.join(' ');
}

function referenceLine({ from, columns, to, many, need }: ModelReference): string {
  const left = many === 'One' ? '|o' : '}o';
  const right = need === 'Needed' ? '||' : 'o|';
  return `  ${quoted(from)} ${left}--${right} ${quoted(to)} : ${quoted(columns.join(', '))}`;
}

function quoted(text: string): string {
  return `"${text.replaceAll('"', "'")}"`;
}
