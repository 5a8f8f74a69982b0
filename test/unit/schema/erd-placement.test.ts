import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ModelReference, ModelTable, SchemaModel } from '../../../src/schema/erd/model.ts';
import { type Box, type Placement, type Point, place } from '../../../src/schema/erd/placement.ts';
import { svgOf } from '../../../src/schema/erd/svg.ts';

const table = (name: string, ...columns: readonly string[]): ModelTable => ({
  name,
  columns: columns.map(column => ({ name: column, type: 'bigint', notNull: true, keys: [] })),
});
const reference = (from: string, column: string, to: string): ModelReference => ({
  from,
  columns: [column],
  to,
  many: 'Many',
  need: 'Needed',
});

/** Sizes as a drawing would have them: tables of very different widths and heights. */
function placed(model: SchemaModel): Placement {
  const columns = new Map(model.tables.map(one => [one.name, one.columns]));
  return place(model, {
    sizeOf: name => ({ width: 60 + 37 * (name.length % 7), height: 30 + 20 * (columns.get(name)?.length ?? 0) }),
    rowOf: (name, column) => 11 + 20 * ((columns.get(name)?.findIndex(one => one.name === column) ?? -1) + 1),
  });
}

/** Thirty tables that refer to earlier ones and, some, back: in ranks, with lines over several of them. */
function thirty(): SchemaModel {
  let seed = 11;
  const random = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((seed / 2_147_483_648) * below);
  };
  const names = Array.from({ length: 30 }, (_, index) => `t${index}${'x'.repeat(random(7))}`);
  const references = names.flatMap((from, index) =>
    [1, 2]
      .slice(0, random(3))
      .map(n => reference(from, `r${n}`, names[index < 4 ? random(30) : random(index)] ?? from)),
  );
  return { tables: names.map(name => table(name, 'id', 'r1', 'r2')), references };
}

const isInside = ({ x, y }: Point, box: Box) =>
  x > box.x + 0.5 && x < box.x + box.width - 0.5 && y > box.y + 0.5 && y < box.y + box.height - 0.5;

/** Points of a line as svg.ts draws it: level at every given point. */
function along(line: readonly Point[]): readonly Point[] {
  return line.slice(1).flatMap((to, index) => {
    const from = line[index] as Point;
    const middle = (from.x + to.x) / 2;
    return Array.from({ length: 21 }, (_, step) => {
      const [t, u] = [step / 20, 1 - step / 20];
      const bend = (a: number, b: number, c: number, d: number) =>
        u ** 3 * a + 3 * u ** 2 * t * b + 3 * u * t ** 2 * c + t ** 3 * d;
      return { x: bend(from.x, middle, middle, to.x), y: bend(from.y, from.y, to.y, to.y) };
    });
  });
}

describe('A drawing of a schema', () => {
  it('keeps its tables apart, and its lines off the tables that they do not join', () => {
    const model = thirty();
    const { boxes, lines, width, height } = placed(model);
    const all = [...boxes];
    for (const [name, box] of all) {
      for (const [other, { x, y, width: w, height: h }] of all) {
        if (name === other) continue;
        const overlap = box.x < x + w && x < box.x + box.width && box.y < y + h && y < box.y + box.height;
        assert.equal(overlap, false, `${name} over ${other}`);
      }
    }
    for (const [index, line] of lines.entries()) {
      const { from, to } = model.references[index] as ModelReference;
      if (from === to) continue;
      for (const point of along(line)) {
        assert.ok(
          point.x >= 0 && point.y >= 0 && point.x <= width && point.y <= height,
          `${from} → ${to} leaves the picture`,
        );
        for (const [name, box] of all) assert.equal(isInside(point, box), false, `${from} → ${to} crosses ${name}`);
      }
    }
  });

  it('draws a reference of a table to itself beside that table, not to another', () => {
    const model = {
      tables: [table('nodes', 'id', 'parent'), table('others', 'id')],
      references: [reference('nodes', 'parent', 'nodes')],
    };
    const { boxes, lines, width } = placed(model);
    const { x, y, width: own } = boxes.get('nodes') as Box;
    assert.deepEqual(lines, [
      [
        { x: x + own, y: y + 51 },
        { x: x + own, y: y + 11 },
      ],
    ]);
    assert.ok(width > x + own + 28, 'the turn is in the picture');
  });

  it('joins the columns of two references between the same tables by two lines', () => {
    const { lines } = placed({
      tables: [table('orders', 'id', 'billed_to', 'sent_to'), table('addresses', 'id')],
      references: [reference('orders', 'billed_to', 'addresses'), reference('orders', 'sent_to', 'addresses')],
    });
    assert.equal((lines[1]?.[0]?.y ?? 0) - (lines[0]?.[0]?.y ?? 0), 20);
  });

  it('puts tables without references side by side, not into one tall column', () => {
    const tables = Array.from({ length: 30 }, (_, index) => table(`t${index}`, 'id'));
    const { width, height } = placed({ tables, references: [] });
    assert.ok(width > height, `${width} by ${height}`);
  });

  it('gives room to characters that are drawn twice as wide, and is the same each time', () => {
    const widthOf = (name: string) =>
      Number(
        /<rect class="table" [^>]*width="([\d.]+)"/.exec(svgOf({ tables: [table(name, 'i')], references: [] }))?.[1],
      );
    assert.equal(widthOf('日本語日本語日本語'), widthOf('abcdefghijklmnopqr'));
    assert.equal(svgOf(thirty()), svgOf(thirty()));
  });
});
