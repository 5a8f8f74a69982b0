// Draws a model as SVG, without a browser: placement.ts finds the places, the picture is ours. Widths are counted by
// characters of a monospaced font, so that the same model gives the same bytes on every machine. Colours follow the
// reader's theme.
import type { ModelColumn, ModelTable, SchemaModel } from './model.ts';
import { type Box, LOOP, MARGIN, type Point, place } from './placement.ts';

const CHARACTER = 7.25;
const ROW = 20;
const PADDING = 10;

export function svgOf(model: SchemaModel): string {
  const tables = new Map(model.tables.map(table => [table.name, table]));
  const references = model.references.filter(({ from, to }) => tables.has(from) && tables.has(to));
  const columnsOf = (name: string) => tables.get(name)?.columns ?? [];
  const placement = place(
    { tables: model.tables, references },
    {
      sizeOf: name => sizeOf({ name, columns: columnsOf(name) }),
      rowOf: (name, column) => (columnsOf(name).findIndex(one => one.name === column) + 1) * ROW + ROW / 2 + 1,
    },
  );
  const edges = references.map(({ from, to, columns, need }, index) =>
    edgePath(placement.lines[index] ?? [], `${from}.${columns.join(', ')} → ${to}`, need),
  );
  const boxes = model.tables.map(table => tableBox(table, placement.boxes.get(table.name) as Box));
  const size = {
    width: Math.max(round(placement.width), 2 * MARGIN),
    height: Math.max(round(placement.height), 2 * MARGIN),
  };
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
  const longest = Math.max(widthOf(table.name), ...table.columns.map(column => widthOf(columnText(column).join('  '))));
  return { width: round(longest * CHARACTER + 2 * PADDING), height: (table.columns.length + 1) * ROW + PADDING };
}

/** Characters that a monospaced font draws twice as wide: those of East Asia, and pictures. */
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{3fffd}]/u;

function widthOf(text: string): number {
  return [...text].reduce((width, character) => width + (WIDE.test(character) ? 2 : 1), 0);
}

function columnText({ name, type, notNull, keys }: ModelColumn): readonly [string, string] {
  const marks = keys.length === 0 ? '' : ` ${keys.join(' ')}`;
  return [`${name}${marks}`, `${type}${notNull ? '' : '?'}`];
}

function tableBox(table: ModelTable, { x, y, width, height }: Box): string {
  const [left, top] = [round(x), round(y)];
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

/** Curves that leave and reach every point level; a table's line to itself turns round outside. */
function edgePath(points: readonly Point[], title: string, need: string): string {
  const [first] = points;
  const path = points.slice(1).map((point, index) => {
    const before = points[index] as Point;
    const middle = before.x === point.x ? before.x + LOOP : (before.x + point.x) / 2;
    const controls = `${round(middle)} ${round(before.y)} ${round(middle)} ${round(point.y)}`;
    return `C${controls} ${round(point.x)} ${round(point.y)}`;
  });
  const optional = need === 'Optional' ? ' optional' : '';
  const d = [`M${round(first?.x ?? 0)} ${round(first?.y ?? 0)}`, ...path].join(' ');
  return `<path class="edge${optional}" d="${d}" marker-end="url(#arrow)"><title>${escaped(title)}</title></path>`;
}

/** Tenths are enough for a picture, and hide what floating point does differently. */
function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
