// Where the tables of a drawing stand and how the lines between them run. dagre ranks what refers to what from left to right;
// tables that refer to nothing and are not referred to stand in rows below. Pure, and the same model gives the same
// numbers on every machine. Called by svg.ts.
import { Graph, layout } from '@dagrejs/dagre';
import type { ModelReference, SchemaModel } from './model.ts';

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** `x` and `y` are the upper left corner. */
export interface Box extends Point {
  readonly width: number;
  readonly height: number;
}

export interface Placement {
  readonly boxes: ReadonlyMap<string, Box>;
  /** The points of each reference's line, in the order of the model; a line leaves and enters them sideways. */
  readonly lines: readonly (readonly Point[])[];
  readonly width: number;
  readonly height: number;
}

export interface Measures {
  /** How large a table is drawn. */
  readonly sizeOf: (table: string) => { readonly width: number; readonly height: number };
  /** Height of a column's middle below the table's upper edge; of the head where no column is named. */
  readonly rowOf: (table: string, column: string | undefined) => number;
}

export const MARGIN = 20;
const BETWEEN_TABLES = 24;
const BETWEEN_ROWS = 40;
const BETWEEN_RANKS = 90;
/** How far a line from a table to itself reaches out at its right. */
export const LOOP = 28;
/** Tables without references fill rows at least as wide as this. */
const LEAST_WIDTH = 1_000;

/** References to tables that the model does not have must be left out before. */
export function place(model: SchemaModel, measures: Measures): Placement {
  const between = model.references.filter(({ from, to }) => from !== to);
  const joined = new Set(between.flatMap(({ from, to }) => [from, to]));
  const graph = ranked([...joined].sort(), between, measures);
  const boxes = new Map<string, Box>();
  for (const name of joined) {
    const { x, y, width, height } = graph.node(name) as Box;
    boxes.set(name, { x: x - width / 2, y: y - height / 2, width, height });
  }
  placeInRows(
    model.tables.map(table => table.name).filter(name => !joined.has(name)),
    boxes,
    measures,
  );
  const halfWidths = rankHalfWidths(boxes, joined);
  const lines = model.references.map(reference => {
    if (reference.from === reference.to) return loop(reference, boxes, measures);
    const { points } = graph.edge(reference.from, reference.to, keyOf(reference)) as { points: readonly Point[] };
    return sideways(reference, points.slice(1, -1), { boxes, halfWidths, measures });
  });
  const edge = (of: (box: Box) => number) => Math.max(MARGIN, ...[...boxes.values()].map(of)) + MARGIN;
  const loops = model.references.some(({ from, to }) => from === to) ? LOOP : 0;
  return { boxes, lines, width: edge(box => box.x + box.width) + loops, height: edge(box => box.y + box.height) };
}

const keyOf = ({ columns }: ModelReference) => columns.join('\0');

function ranked(names: readonly string[], references: readonly ModelReference[], { sizeOf }: Measures): Graph {
  const graph = new Graph({ multigraph: true });
  graph.setGraph({ rankdir: 'LR', nodesep: BETWEEN_TABLES, ranksep: BETWEEN_RANKS, marginx: MARGIN, marginy: MARGIN });
  for (const name of names) graph.setNode(name, { ...sizeOf(name) });
  for (const reference of references) graph.setEdge(reference.from, reference.to, {}, keyOf(reference));
  layout(graph);
  return graph;
}

/** Below everything that is placed, as many side by side as the width holds. */
function placeInRows(names: readonly string[], boxes: Map<string, Box>, { sizeOf }: Measures): void {
  const placed = [...boxes.values()];
  const right = Math.max(LEAST_WIDTH, ...placed.map(box => box.x + box.width));
  let y = Math.max(MARGIN, ...placed.map(box => box.y + box.height + BETWEEN_ROWS));
  let x = MARGIN;
  let tallest = 0;
  for (const name of names) {
    const size = sizeOf(name);
    if (x > MARGIN && x + size.width > right) {
      [x, y, tallest] = [MARGIN, y + tallest + BETWEEN_ROWS, 0];
    }
    boxes.set(name, { x, y, ...size });
    x += size.width + BETWEEN_ROWS;
    tallest = Math.max(tallest, size.height);
  }
}

const rankKey = (x: number) => Math.round(x);

/** Half the width of the widest table of each rank, by the rank's middle. */
function rankHalfWidths(boxes: ReadonlyMap<string, Box>, joined: ReadonlySet<string>): ReadonlyMap<number, number> {
  const widths = new Map<number, number>();
  for (const name of joined) {
    const { x, width } = boxes.get(name) as Box;
    const key = rankKey(x + width / 2);
    widths.set(key, Math.max(widths.get(key) ?? 0, width / 2));
  }
  return widths;
}

interface Placed {
  readonly boxes: ReadonlyMap<string, Box>;
  readonly halfWidths: ReadonlyMap<number, number>;
  readonly measures: Measures;
}

/**
 * From the side of the column that refers to the side of the head that is referred to. Beside a rank a line is level until it is past
 * the rank's widest table, for a bend would cut that one's corner; it bends between ranks only.
 */
function sideways({ from, to, columns }: ModelReference, between: readonly Point[], placed: Placed): readonly Point[] {
  const [start, end] = [placed.boxes.get(from) as Box, placed.boxes.get(to) as Box];
  const direction = end.x > start.x ? 1 : -1;
  const pass = (x: number, y: number): readonly Point[] => {
    const half = direction * (placed.halfWidths.get(rankKey(x)) ?? 0);
    return [
      { x: x - half, y },
      { x: x + half, y },
    ];
  };
  const middle = ({ x, width }: Box) => x + width / 2;
  const side = (box: Box, which: 1 | -1) => middle(box) + (direction * which * box.width) / 2;
  const out = start.y + placed.measures.rowOf(from, columns[0]);
  const back = end.y + placed.measures.rowOf(to, undefined);
  return [
    { x: side(start, 1), y: out },
    ...pass(middle(start), out).slice(1),
    ...between.filter(({ x }) => placed.halfWidths.has(rankKey(x))).flatMap(({ x, y }) => pass(x, y)),
    ...pass(middle(end), back).slice(0, 1),
    { x: side(end, -1), y: back },
  ];
}

/** Out at the right of the column, back at the right of the head. */
function loop(
  { from, columns }: ModelReference,
  boxes: ReadonlyMap<string, Box>,
  { rowOf }: Measures,
): readonly Point[] {
  const box = boxes.get(from) as Box;
  const x = box.x + box.width;
  return [
    { x, y: box.y + rowOf(from, columns[0]) },
    { x, y: box.y + rowOf(from, undefined) },
  ];
}
