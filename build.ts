// Bundles what runs without node_modules: the operator, the runner and the command line for the image, and the example's application.
// `npm run build` writes `dist/<name>/` and prints sizes; `npm run build -- runner` builds only what is named.
// Tests import the source, never `dist`; the Dockerfile copies `dist` and nothing else of this repository.
// The code is not minified: a stack trace from a cluster at night should name functions that exist in the source.
import { copyFile, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { type BuildOptions, build, type Plugin } from 'esbuild';

interface Bundle {
  readonly entry: string;
  /** Files that the bundled code opens at run time, copied beside it. */
  readonly assets: readonly string[];
  /** Several files let a command load only what it needs; an application of one file is easier to carry. */
  readonly shape: 'chunks' | 'one file';
  /** Of several files: what nearly everything that is loaded late needs; it becomes one file instead of thirty. */
  readonly core: readonly string[];
}

const ROOT = import.meta.dirname;

/** What can be built, by name of the folder below `dist/`. */
const BUNDLES = {
  operator: { entry: 'src/operator/main.ts', assets: [], shape: 'chunks', core: [] },
  runner: {
    entry: 'src/runner/main.ts',
    // The PostgreSQL grammar: libpg-query looks for it beside the file that it was bundled into.
    assets: ['node_modules/libpg-query/wasm/libpg-query.wasm'],
    shape: 'chunks',
    core: [],
  },
  cli: {
    entry: 'src/cli/main.ts',
    assets: ['node_modules/libpg-query/wasm/libpg-query.wasm'],
    shape: 'chunks',
    core: [
      ...['src/cli/migrating.ts', 'src/cli/standing.ts', 'src/cli/opening.ts', 'src/database/url.ts'],
      ...['src/engine/ledger/ledger.ts', 'src/engine/plan.ts', 'src/engine/half-done.ts', 'src/engine/attempt.ts'],
      ...['src/engine/server.ts', 'src/engine/pace.ts'],
    ],
  },
  'truledgr-api': { entry: 'examples/truledgr/app/server.ts', assets: [], shape: 'one file', core: [] },
} as const satisfies Record<string, Bundle>;

export type BundleName = keyof typeof BUNDLES;
export const BUNDLE_NAMES = Object.keys(BUNDLES) as readonly BundleName[];

// Dependencies written as CommonJS expect these names, which an ES module does not have. Most of them ask for Node's own
// modules; to make a `require` for each file takes longer than to load a small file.
const REQUIRE =
  "const require = name => process.getBuiltinModule(name) ?? process.getBuiltinModule('node:module').createRequire(import.meta.url)(name);";
const COMMONJS_NAMES = { __filename: 'import.meta.filename', __dirname: 'import.meta.dirname' };

/** Commander imports what starts processes, and never uses it for us; loaded, it takes as long as the help itself. */
const NO_CHILDREN: Plugin = {
  name: 'no processes of commander',
  setup(plugins) {
    plugins.onResolve({ filter: /^node:child_process$/ }, ({ path, importer }) =>
      importer.includes('/node_modules/commander/') ? { path, namespace: 'at first use' } : undefined,
    );
    plugins.onLoad({ filter: /./, namespace: 'at first use' }, ({ path }) => ({
      contents: `export default { get spawn() { return process.getBuiltinModule(${JSON.stringify(path)}).spawn; } };`,
    }));
  },
};

/**
 * Puts all that the core needs into one file. The bundler parts files by who may need them, so whatever is loaded late is
 * made to need the core: each small file that is loaded costs half a millisecond.
 */
function coreInOneFile(core: readonly string[], late: ReadonlySet<string>): Plugin {
  return {
    name: 'the core in one file',
    setup(plugins) {
      plugins.onResolve({ filter: /^core:$/ }, () => ({ path: 'core', namespace: 'core' }));
      plugins.onLoad({ filter: /./, namespace: 'core' }, () => ({
        contents: core.map(file => `import ${JSON.stringify(`./${file}`)};`).join('\n'),
        resolveDir: ROOT,
      }));
      plugins.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        if (!late.has(relative(ROOT, path))) return undefined;
        return { contents: `${await readFile(path, 'utf8')}\nimport 'core:';`, loader: 'ts' };
      });
    },
  };
}

/** Builds one bundle into `dist/<name>/`, or the folder given, replacing what was there, and answers its size in bytes. */
export async function buildBundle(name: BundleName, folder: string = join(ROOT, 'dist', name)): Promise<number> {
  const bundle: Bundle = BUNDLES[name];
  await rm(folder, { recursive: true, force: true });
  const options = {
    absWorkingDir: ROOT,
    entryPoints: [bundle.entry],
    outdir: folder,
    bundle: true,
    format: 'esm',
    splitting: bundle.shape === 'chunks',
    platform: 'node',
    target: 'node26',
    minify: false,
    sourcemap: false,
    legalComments: 'none',
    external: ['pg-native'],
    banner: { js: REQUIRE },
    define: COMMONJS_NAMES,
    plugins: [NO_CHILDREN],
    logLevel: 'warning',
  } satisfies BuildOptions;
  if (bundle.core.length > 0) options.plugins.push(coreInOneFile(bundle.core, await loadedLate(options)));
  await build(options);
  await takeBuiltinsWhole(folder);
  for (const asset of bundle.assets) {
    await copyFile(join(ROOT, asset), join(folder, asset.slice(asset.lastIndexOf('/') + 1)));
  }
  await writeFile(join(folder, 'package.json'), '{"type":"module"}\n');
  return sizeOf(folder);
}

/**
 * `import` of one of Node's own modules reads everything that it exports, and that loads more of Node: `node:fs` its streams,
 * `node:util` what compares objects. Taken whole, a module loads what is used of it.
 */
async function takeBuiltinsWhole(folder: string): Promise<void> {
  for (const name of (await readdir(folder)).filter(name => name.endsWith('.js'))) {
    const path = join(folder, name);
    const text = await readFile(path, 'utf8');
    await writeFile(
      path,
      text.replace(/^import (\w+|\{[^{}]*\}) from "(node:[\w/]+)";$/gm, (_, names: string, builtin: string) => {
        return `const ${names.replaceAll(' as ', ': ')} = process.getBuiltinModule("${builtin}");`;
      }),
    );
  }
}

/** The files that are imported by a call of `import`. */
async function loadedLate(options: BuildOptions): Promise<ReadonlySet<string>> {
  const { metafile } = await build({ ...options, write: false, metafile: true });
  const imports = Object.values(metafile.inputs).flatMap(input => input.imports);
  return new Set(imports.filter(one => one.kind === 'dynamic-import').map(one => one.path));
}

async function sizeOf(folder: string): Promise<number> {
  const names = await readdir(folder);
  const sizes = await Promise.all(names.map(async name => (await stat(join(folder, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

function isBundleName(name: string): name is BundleName {
  return Object.hasOwn(BUNDLES, name);
}

async function main(requested: readonly string[]): Promise<void> {
  const names = requested.length > 0 ? requested : BUNDLE_NAMES;
  for (const name of names) {
    if (!isBundleName(name)) {
      console.error(`build: no bundle is called "${name}"; there are ${BUNDLE_NAMES.join(', ')}`);
      process.exitCode = 2;
      return;
    }
    const started = performance.now();
    const bytes = await buildBundle(name);
    const elapsed = Math.round(performance.now() - started);
    console.log(`dist/${name}/`.padEnd(20), `${(bytes / 1e6).toFixed(2)} MB`.padStart(9), `${elapsed} ms`.padStart(9));
  }
}

if (import.meta.main) await main(process.argv.slice(2));
