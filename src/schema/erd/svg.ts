// Draws a model as SVG, without a browser: dagre finds the places, the picture is ours. Widths are counted by characters of
// a monospaced font, so that the same model gives the same bytes on every machine. Colours follow the reader's theme.
import { Graph, layout } from '@dagrejs/dagre';
import type { ModelColumn, ModelTable, SchemaModel } from './model.ts';

const CHARACTER = 7.25;
const ROW = 20;
const PADDING = 10;
const MARGIN = 20;

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export function svgOf(model: SchemaModel): string {
  const graph = new Graph({ multigraph: true });
  graph.setGraph({ rankdir: 'LR', nodesep: 40, ranksep: 80, marginx: MARGIN, marginy: MARGIN });
  for (const table of model.tables) graph.setNode(table.name, sizeOf(table));
  const known = new Set(model.tables.map(table => table.name));
  const references = model.references.filter(({ from, to }) => known.has(from) && known.has(to));
  for (const [index, { from, to }] of references.entries()) graph.setEdge(from, to, {}, String(index));
  layout(graph);
  const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number };
  const edges = references.map(({ from, to, columns, need }, index) => {
    const { points = [] } = graph.edge(from, to, String(index)) as { points?: readonly { x: number; y: number }[] };
    return edgePath(points, `${from}.${columns.join(', ')} → ${to}`, need);
  });
  const boxes = model.tables.map(table => tableBox(table, graph.node(table.name) as Box));
  const size = { width: Math.max(round(width), 2 * MARGIN), height: Math.max(round(height), 2 * MARGIN) };
  return `${[...head(size), ...edges, ...boxes, '</svg>'].join('\n')}\n`;
}

function head({ width, height }: { readonly width: number; readonly height: number }): readonly string[] {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="Database schema">`,
    '<style>',
    '  text { font: 12px ui-monospace, "DejaVu Sans Mono", Menlo, monospace; fill: #1f2328 }',
    '  .name { font-weight: bold } .type { fill: #59636e } .table { fill: #fff; stroke: #8c959f } .head { fill: #ddf4ff }',
    '  .edge { fill: none; stroke: #59636e; stroke-width: 1.2 } .optional { stroke-dasharray: 5 4 }',
    '  @media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .type { fill: #9198a1 } .table { fill: #151b23; stroke: #656c76 } .head { fill: #13233a } }',
    '</style>',
    '<defs><marker id="arrow" viewBox="0 0 10 10" refX="10" refY="5" markerWidth="8" markerHeight="8" orient="auto-start-reverse"><path d="M0 0L10 5L0 10" fill="none" stroke="#59636e" stroke-width="1.5"/></marker></defs>',
  ];
}

function sizeOf(table: ModelTable) {
  const longest = Math.max(table.name.length, ...table.columns.map(column => columnText(column).join('  ').length));
  return { width: round(longest * CHARACTER + 2 * PADDING), height: (table.columns.length + 1) * ROW + PADDING };
}

function columnText({ name, type, notNull, keys }: ModelColumn): readonly [string, string] {
  const marks = keys.length === 0 ? '' : ` ${keys.join(' ')}`;
  return [`${name}${marks}`, `${type}${notNull ? '' : '?'}`];
}

function tableBox(table: ModelTable, { x, y, width, height }: Box): string {
  const [left, top] = [round(x - width / 2), round(y - height / 2)];
  const rows = table.columns.map((column, index) => {
    const [name, type] = columnText(column);
    const baseline = round(top + (index + 1) * ROW + 16);
    return [
      `  <text x="${round(left + PADDING)}" y="${baseline}">${escaped(name)}</text>`,
      `  <text class="type" x="${round(left + width - PADDING)}" y="${baseline}" text-anchor="end">${escaped(type)}</text>`,
    ].join('\n');
  });
  return [
    '<g>',
    `  <rect class="table" x="${left}" y="${top}" width="${round(width)}" height="${round(height)}" rx="4"/>`,
    `  <rect class="head" x="${left + 1}" y="${top + 1}" width="${round(width - 2)}" height="${ROW}" rx="3"/>`,
    `  <text class="name" x="${round(left + PADDING)}" y="${top + 15}">${escaped(table.name)}</text>`,
    ...rows,
    '</g>',
  ].join('\n');
}

function edgePath(points: readonly { readonly x: number; readonly y: number }[], title: string, need: string): string {
  const path = points.map(({ x, y }, index) => `${index === 0 ? 'M' : 'L'}${round(x)} ${round(y)}`).join(' ');
  const optional = need === 'Optional' ? ' optional' : '';
  return `<path class="edge${optional}" d="${path}" marker-end="url(#arrow)"><title>${escaped(title)}</title></path>`;
}

/** Tenths are enough for a picture, and hide what floating point does differently. */
function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
