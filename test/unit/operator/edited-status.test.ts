// Somebody edits the status: whatever the schema lets through, at every point of the picture book, is decided upon. The
// operator says that it cannot read it, or goes on; it does not throw, which would be a pass that fails for ever.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseStatus } from '../../../src/api/parse.ts';
import { decide } from '../../../src/operator/migration/decide.ts';
import type { World } from '../../../src/operator/migration/world.ts';
import { scenes } from '../../golden/scenes.ts';
import { mistakesIn, schemaOf } from '../../golden/schema.ts';

type Path = readonly (string | number)[];
type Value = Record<string | number, unknown>;

const EDITS: Readonly<Record<string, (holder: Value, key: string | number) => void>> = {
  'taken away': (holder, key) => {
    if (Array.isArray(holder)) holder.splice(Number(key), 1);
    else delete holder[key];
  },
  empty: (holder, key) => {
    const value = holder[key];
    if (typeof value === 'string') holder[key] = '';
    else if (Array.isArray(value)) holder[key] = [];
    else if (typeof value === 'object') holder[key] = {};
    else holder[key] = 0;
  },
  odd: (holder, key) => {
    if (typeof holder[key] === 'number') holder[key] = -7;
    else if (typeof holder[key] === 'string') holder[key] = '2000-01-01T00:00:00Z';
  },
};

function* pathsOf(value: unknown, at: Path = []): Generator<Path> {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    const path = [...at, Array.isArray(value) ? Number(key) : key];
    yield path;
    yield* pathsOf(inner, path);
  }
}

function holderOf(status: unknown, path: Path): Value {
  return path.slice(0, -1).reduce<Value>((holder, key) => holder[key] as Value, status as Value);
}

interface Place {
  readonly scene: string;
  readonly world: World;
  readonly path: Path;
}

/** Where each field is found, over all scenes. */
function placesByField(): ReadonlyMap<string, readonly Place[]> {
  const places = new Map<string, Place[]>();
  for (const { name: scene, passes } of scenes()) {
    const world = passes.at(-1)?.world;
    if (world?.status.ok !== true) continue;
    for (const path of pathsOf(world.status.value)) {
      const field = path.filter(key => typeof key === 'string').join('.');
      places.set(field, [...(places.get(field) ?? []), { scene, world, path }]);
    }
  }
  return places;
}

/** Evenly over the scenes; more of the large parts of the status. */
function someOf(field: string, places: readonly Place[]): readonly Place[] {
  const most = field.split('.').length <= 2 ? 12 : 2;
  const stride = Math.max(1, Math.floor(places.length / most));
  return places.filter((_, index) => index % stride === 0);
}

test('no edit that the schema allows makes a decision throw, or look again at a time that is none', () => {
  const schema = schemaOf('databasemigrations', 'status');
  const wrong: string[] = [];
  let decided = 0;
  for (const [field, places] of placesByField()) {
    for (const { scene, world, path } of someOf(field, places)) {
      for (const [how, edit] of Object.entries(EDITS)) {
        const status = structuredClone(world.status.ok ? world.status.value : {});
        edit(holderOf(status, path), path.at(-1) ?? '');
        if (mistakesIn(status, schema, 'status').length > 0) continue;
        decided += 1;
        try {
          const { lookAgainMs = 250 } = decide({ ...world, status: parseStatus(status) });
          if (!(lookAgainMs >= 250)) wrong.push(`${field} ${how}: looks again in ${lookAgainMs} ms (${scene})`);
        } catch (error) {
          wrong.push(`${field} ${how}: ${error} (${scene})`);
        }
      }
    }
  }
  assert.deepEqual(wrong, []);
  assert.ok(decided > 500, `only ${decided} edits`);
});
