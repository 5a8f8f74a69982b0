// Bundles what runs without node_modules: the operator, the runner and the command line for the image, and the example's application.
// `npm run build` writes `dist/<name>/` and prints sizes; `npm run build -- runner` builds only what is named.
// Tests import the source, never `dist`; the Dockerfile copies `dist` and nothing else of this repository.
// The code is not minified: a stack trace from a cluster at night should name functions that exist in the source.
import { copyFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';

interface Bundle {
  readonly entry: string;
  /** Files that the bundled code opens at run time, copied beside it. */
  readonly assets: readonly string[];
  /** Several files let a command load only what it needs; an application of one file is easier to carry. */
  readonly shape: 'chunks' | 'one file';
}

const ROOT = import.meta.dirname;

/** What can be built, by name of the folder below `dist/`. */
const BUNDLES = {
  operator: { entry: 'src/operator/main.ts', assets: [], shape: 'chunks' },
  runner: {
    entry: 'src/runner/main.ts',
    // The PostgreSQL grammar: libpg-query looks for it beside the file that it was bundled into.
    assets: ['node_modules/libpg-query/wasm/libpg-query.wasm'],
    shape: 'chunks',
  },
  cli: {
    entry: 'src/cli/main.ts',
    assets: ['node_modules/libpg-query/wasm/libpg-query.wasm'],
    shape: 'chunks',
  },
  'truledgr-api': { entry: 'examples/truledgr/app/server.ts', assets: [], shape: 'one file' },
} as const satisfies Record<string, Bundle>;

export type BundleName = keyof typeof BUNDLES;
export const BUNDLE_NAMES = Object.keys(BUNDLES) as readonly BundleName[];

// Dependencies written as CommonJS expect these three names, which an ES module does not have.
const COMMONJS_NAMES = [
  "import { createRequire as bundleCreateRequire } from 'node:module';",
  'const require = bundleCreateRequire(import.meta.url);',
  'const __filename = import.meta.filename;',
  'const __dirname = import.meta.dirname;',
].join('\n');

/** Builds one bundle into `dist/<name>/`, or the folder given, replacing what was there, and answers its size in bytes. */
export async function buildBundle(name: BundleName, folder: string = join(ROOT, 'dist', name)): Promise<number> {
  const bundle: Bundle = BUNDLES[name];
  await rm(folder, { recursive: true, force: true });
  await build({
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
    banner: { js: COMMONJS_NAMES },
    logLevel: 'warning',
  });
  for (const asset of bundle.assets) {
    await copyFile(join(ROOT, asset), join(folder, asset.slice(asset.lastIndexOf('/') + 1)));
  }
  await writeFile(join(folder, 'package.json'), '{"type":"module"}\n');
  return sizeOf(folder);
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
