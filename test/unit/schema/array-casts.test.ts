import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { isSameButForCasts, withCastsInside } from '../../../src/schema/array-casts.ts';
import { compareSnapshots } from '../../../src/schema/difference.ts';
import { normalizedDefinition } from '../../../src/schema/normalize.ts';
import { changedProperties } from '../../../src/schema/statements/change.ts';

/** As it is printed when it was made, and once it has been restored from a dump. */
describe('A cast of an array', () => {
  const casts: Readonly<Record<string, readonly [string, string]>> = {
    'of literals': [
      "CHECK (((x)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[])))",
      "CHECK (((x)::text = ANY (ARRAY[('a'::character varying)::text, ('b'::character varying)::text])))",
    ],
    'of literals with brackets, quotes and commas in them': [
      "(ARRAY['a])::text[]'::character varying, E'\\\\'',('::character varying])::text[]",
      "ARRAY[('a])::text[]'::character varying)::text, (E'\\\\'',('::character varying)::text]",
    ],
    'of expressions, an array in an array, and types of more than one word': [
      `(ARRAY[(f(a, b))::date, ((ARRAY['c'])::"W x".y[][1])::date, 'd'::character varying(3)])::timestamp(3) with time zone[]`,
      `ARRAY[((f(a, b))::date)::timestamp(3) with time zone, ((ARRAY[('c')::"W x".y][1])::date)::timestamp(3) with time zone, ('d'::character varying(3))::timestamp(3) with time zone]`,
    ],
    'of rows': [
      '(ARRAY[ARRAY[1], ARRAY[(-2)]])::numeric(5,2)[]',
      'ARRAY[ARRAY[(1)::numeric(5,2)], ARRAY[((-2))::numeric(5,2)]]',
    ],
    'that is only a text': ["'(ARRAY[a])::text[]'::text", "'(ARRAY[a])::text[]'::text"],
    'in the body of a routine': ['$f$ (ARRAY[a])::text[] $f$ || $1', '$f$ (ARRAY[a])::text[] $f$ || $1'],
    'that does not end': ["(ARRAY[a, 'b", "(ARRAY[a, 'b"],
  };
  for (const [what, [made, restored]] of Object.entries(casts)) {
    it(`${what} is one text before a dump and after it`, () => {
      assert.equal(withCastsInside(made), restored);
      assert.equal(withCastsInside(restored), restored);
    });
  }

  it('of columns, which may be arrays, is compared whatever the server made of it, and never rewritten', () => {
    const made = 'CHECK (((x)::text = ANY ((ARRAY[a, lower(b)])::text[])))';
    assert.equal(withCastsInside(made), made);
    for (const [restored, isSame] of [
      ['CHECK (((x)::text = ANY (ARRAY[(a)::text, (lower(b))::text])))', true],
      ['CHECK (((x)::text = ANY (ARRAY[(a)::text[], (lower(b))::text[]])))', true],
      ['CHECK (((x)::text = ANY (ARRAY[(b)::text, (lower(b))::text])))', false],
      ['CHECK (((x)::text = ANY (ARRAY[(a)::name, (lower(b))::name])))', false],
    ] as const) {
      assert.equal(isSameButForCasts('constraint', made, restored), isSame, restored);
    }
  });

  it('is left alone in a comment, and makes one text of two definitions', () => {
    const definitions = Object.values(casts).map(pair =>
      pair.map(definition => JSON.stringify({ definition }, null, 1)),
    );
    assert.equal(normalizedDefinition('comment', definitions[0]?.[0] ?? ''), definitions[0]?.[0]);
    for (const [made = '', restored = ''] of definitions) {
      assert.equal(normalizedDefinition('constraint', made), normalizedDefinition('constraint', restored));
    }
  });
});

/** Each pair has a real difference, and an `ARRAY[` on both sides, as every view with an IN list has. */
describe('A difference beside a cast of an array', () => {
  const IN = "((status)::text = ANY (ARRAY[('a'::character varying)::text, ('b'::character varying)::text]))";
  const body = (cast: string) =>
    `CREATE FUNCTION public.f(a text)\n RETURNS integer[]\n LANGUAGE sql\nAS $function$ SELECT array_cat((a)::${cast}, ARRAY[1]) $function$\n`;
  const pairs: Readonly<Record<string, readonly [string, string, string]>> = {
    'in an argument of a function': [
      'view',
      `SELECT jsonb_build_object('tags', (tags)::text[], 'n', id) AS j FROM public.t WHERE ${IN};`,
      `SELECT jsonb_build_object('tags', (tags)::text, 'n', id) AS j FROM public.t WHERE ${IN};`,
    ],
    'in the index of an array': [
      'view',
      `SELECT m[(a)::integer[]] FROM public.t WHERE ${IN};`,
      `SELECT m[(a)::integer] FROM public.t WHERE ${IN};`,
    ],
    'in a list of columns': [
      'view',
      `SELECT (a)::text[], b FROM public.t WHERE ${IN};`,
      `SELECT (a)::text, b FROM public.t WHERE ${IN};`,
    ],
    'of an element that was cast before, too': [
      'view',
      'SELECT ARRAY[(a)::text[], (b)::text[]] AS c FROM public.t;',
      'SELECT ARRAY[(a)::text, (b)::text] AS c FROM public.t;',
    ],
    'of an argument within an element': [
      'constraint',
      'CHECK ((x = ANY ((ARRAY[f((a)::text[], 1), b])::text[])))',
      'CHECK ((x = ANY (ARRAY[(f((a)::text, 1))::text, (b)::text])))',
    ],
    'in the body of a routine': ['function', body('int[]'), body('int')],
    'in a literal': [
      'view',
      `SELECT '(a)::text[], ' AS c FROM public.t WHERE ${IN};`,
      `SELECT '(a)::text, ' AS c FROM public.t WHERE ${IN};`,
    ],
    'of a text that nobody casts': ['comment', '(ARRAY[a])::text[]', 'ARRAY[(a)::text]'],
    'of the value of an enum': ['enum', '(ARRAY[1])::text[]', 'ARRAY[(1)::text]'],
  };
  for (const [what, [kind, before, after]] of Object.entries(pairs)) {
    it(`${what} is drift, and written by create --from-diff`, () => {
      const [old, now] = [before, after].map(definition => {
        const entry = {
          kind,
          name: 'public.x',
          definition: normalizedDefinition(kind, JSON.stringify({ definition })),
        };
        return { ...entry, properties: JSON.parse(entry.definition) };
      });
      assert.ok(old && now);
      assert.equal(compareSnapshots({ entries: [old] }, { entries: [now] }).verdict, 'Drifted');
      assert.deepEqual(changedProperties(old, now), ['definition']);
    });
  }
});

/** Each of them took for ever once, deaf to every signal. How fast is nobody's business here: only that it ends. */
const LONG = `
  const { isSameButForCasts, withCastsInside } = await import(${JSON.stringify(join(import.meta.dirname, '../../../src/schema/array-casts.ts'))});
  const name = 'x'.repeat(200);
  const quoted = '"' + 'x""'.repeat(100) + '"';
  const literal = "'" + 'y'.repeat(1_000_000) + "'";
  const body = \`AS $function$\${\`SELECT a::\${name} , (ARRAY[\`.repeat(5_000)}$function$\`;
  const elements = Array.from({ length: 20_000 }, (_, n) => \`'\${n}'::\${name}\`).join(', ');
  const nested = (depth) => '(ARRAY['.repeat(depth) + '1' + '])::text[]'.repeat(depth);
  const texts = [
    \`(ARRAY[label('a'::\${name}), label('b'::\${quoted})])::text[]\`,
    \`SELECT (s)::public.\${name} AS k, (ARRAY[a])::\${name} FROM t WHERE s = ANY (ARRAY['a', 'b'])\`,
    \`(ARRAY[\${elements}])::text[]\`,
    \`(ARRAY[(\${elements})])::\${name}[]\`,
    \`(ARRAY[\${literal}, \${literal}::\${name}, f(\${literal})])::text[]\`,
    \`(ARRAY[\${name.repeat(5_000)}])::\${name.repeat(5_000)}[]\`,
    \`\${'(ARRAY[a])::text[], '.repeat(50_000)}\`,
    '(ARRAY['.repeat(150_000), "(ARRAY['a'])::".repeat(70_000), '$a'.repeat(500_000), 'ARRAY['.repeat(150_000) + ']'.repeat(150_000),
    nested(50_000), '(ARRAY[' + 'ARRAY['.repeat(50_000) + '1' + ']'.repeat(50_000) + '])::text[]',
    \`ARRAY[1] \${body}\`, \`ARRAY[1] \${body.replaceAll('$function$', '')}\`,
  ];
  for (const text of texts) isSameButForCasts('view', text + ' ARRAY[', withCastsInside(text) + ' ARRAY[.');
  console.log(texts.length);`;

describe('Array casts in a text of any length', () => {
  it('are read to their end', () => {
    const { stdout, stderr, signal } = spawnSync(process.execPath, ['--input-type=module', '--eval', LONG], {
      encoding: 'utf8',
      timeout: 60_000,
      killSignal: 'SIGKILL',
    });
    assert.deepEqual([stdout.trim(), stderr, signal], ['15', '', null]);
  });
});
