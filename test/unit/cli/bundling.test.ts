// What `bundle` prints can be read as it is mounted, is signed as the folder is, and fits where it is said to fit.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { parse, parseAllDocuments } from 'yaml';
import { sha256 } from '../../../src/api/digest.ts';
import { type BundleRequest, bundleFolder, MOST_CONFIG_MAPS } from '../../../src/cli/bundling.ts';
import type { Settings } from '../../../src/cli/settings.ts';
import { readSource } from '../../../src/engine/source/files.ts';
import { findSignatures, SIGNATURE_FILE, signSource, verifySource } from '../../../src/engine/source/signatures.ts';
import { readPrivateKey, readPublicKeys } from '../../../src/engine/source/signing-keys.ts';

const KEYS = join(import.meta.dirname, '../../engine/fixtures/keys');
const KEY_FILE = join(KEYS, 'openssh');
const KEY = readPrivateKey(readFileSync(KEY_FILE, 'utf8'), 'openssh');
const TRUST = { keys: readPublicKeys(readFileSync(join(KEYS, 'openssh.pub'), 'utf8'), 'openssh.pub') };
/** `kubectl apply` keeps the manifest in an annotation; https://kubernetes.io/docs/concepts/overview/working-with-objects/annotations */
const MOST_ANNOTATION_BYTES = 256 * 1024;

function directory(files: Readonly<Record<string, string | Uint8Array>>): string {
  const root = mkdtempSync(join(tmpdir(), 'migrate-bundling-'));
  after(() => rmSync(root, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), content);
  }
  return root;
}

async function printed(root: string, changes: Partial<BundleRequest> = {}): Promise<string> {
  const settings: Settings = {
    ...{ directory: root, environmentName: undefined, url: undefined, urlVariable: 'DATABASE_URL', migrations: root },
    ...{ ledgerSchema: 'migrate', appRoles: [], secrets: [] },
  };
  const request = { name: 'shop', namespace: undefined, maxBytes: 180_000, keyFile: undefined, ...changes };
  return (await bundleFolder(settings, request)).manifests;
}

async function bundled(root: string, changes: Partial<BundleRequest> = {}): Promise<readonly ConfigMap[]> {
  return parseAllDocuments(await printed(root, changes)).map(document => document.toJSON() as ConfigMap);
}

interface ConfigMap {
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly binaryData?: Readonly<Record<string, string>>;
}

/** As the runner has them: each ConfigMap a folder. */
function mounted(maps: readonly ConfigMap[]): string {
  const files = maps.flatMap(({ data = {}, binaryData = {} }, index) => [
    ...Object.entries(data).map(([name, text]) => [`${index}/${name}`, text] as const),
    ...Object.entries(binaryData).map(([name, text]) => [`${index}/${name}`, Buffer.from(text, 'base64')] as const),
  ]);
  return directory(Object.fromEntries(files));
}

/** Text that does not get smaller: three quarters of its length. */
const noise = (length: number, seed: number) =>
  Array.from({ length: Math.ceil(length / 44) }, (_, i) =>
    Buffer.from(sha256(`${seed}.${i}`), 'hex').toString('base64'),
  )
    .join('')
    .slice(0, length);

const many = (count: number, length: number) =>
  Object.fromEntries(
    Array.from({ length: count }, (_, i) => [`${String(i + 1).padStart(4, '0')}_t.up.sql`, `-- ${noise(length, i)}\n`]),
  );

describe('A bundle', () => {
  it('is of no more ConfigMaps than a resource can name', async () => {
    const crd = parse(readFileSync(join(import.meta.dirname, '../../../crds/databasemigrations.yaml'), 'utf8'));
    const { spec } = crd.spec.versions[0].schema.openAPIV3Schema.properties;
    assert.equal(spec.properties.source.properties.configMapRefs.maxItems, MOST_CONFIG_MAPS);
    const root = directory(many(MOST_CONFIG_MAPS + 1, 900));
    await assert.rejects(bundled(root, { maxBytes: 1_000 }), /take 65 ConfigMaps, and a resource can name 64\. Raise/);
  });

  it('that is signed fits, with its signature, into what kubectl keeps; a signature too large for that has its own', async () => {
    for (const [files, places] of [
      [many(150, 2_700), [undefined, undefined, 'Beside']],
      [many(68, 2_700), [undefined, 'Alone']],
      [many(40, 2_700), ['Beside']],
    ] as const) {
      const maps = await bundled(directory(files), { keyFile: KEY_FILE });
      for (const map of maps) {
        const kept = Buffer.byteLength(JSON.stringify(map));
        assert.ok(kept < MOST_ANNOTATION_BYTES - 1_000, `${map.metadata.name} has ${kept} bytes`);
      }
      const found = maps.map(({ data, binaryData }) => {
        if (data !== undefined) return binaryData === undefined ? 'Alone' : 'Beside';
        return undefined;
      });
      assert.deepEqual(found, places);
      assert.equal(new Set(maps.map(({ metadata }) => metadata.name)).size, maps.length);
      const root = mounted(maps);
      const source = await readSource(root);
      assert.equal(verifySource(source, await findSignatures(root), TRUST).size, Object.keys(files).length);
    }
  });

  it('whose signature fits into no ConfigMap of the size is refused, with the size that it needs', async () => {
    const root = directory(many(1_500, 10));
    const refused =
      /migrations\.sig has 2\d{5} bytes, more than fit into a ConfigMap by --max-bytes \d+\. Raise it to (\d{6}) .*--server-side/;
    let said = '';
    await assert.rejects(bundled(root, { keyFile: KEY_FILE }), ({ message }: Error) => {
      said = message;
      return refused.test(message);
    });
    const maxBytes = Number(refused.exec(said)?.[1]);
    const maps = await bundled(root, { keyFile: KEY_FILE, maxBytes });
    const source = await readSource(mounted(maps));
    assert.equal(source.migrations.length, 1_500);
    await assert.rejects(bundled(root, { keyFile: KEY_FILE, maxBytes: maxBytes - 3 }), refused);
  });

  it('of more than the runner unpacks is refused, as the runner would', async () => {
    const text = Buffer.alloc(1_000_000, ' ');
    const files = Object.fromEntries(Array.from({ length: 52 }, (_, i) => [`${i + 100}_t.up.sql`, text]));
    await assert.rejects(bundled(directory(files)), /unpack to more than 64 MiB in all; the one too many is .*shop-/);
  });

  it('takes the signature along that verify finds, wherever it lies, and is refused where it cannot be read', async () => {
    const files = { '0/001_a.up.sql': 'SELECT 1;', '1/002_b.up.sql': 'SELECT 2;' };
    const signature = signSource(await readSource(directory(files)), KEY);
    const [map] = await bundled(directory({ ...files, [`1/${SIGNATURE_FILE}`]: signature }));
    assert.equal(map?.data?.[SIGNATURE_FILE], signature);

    const folder = directory({ ...files, [`${SIGNATURE_FILE}/about.md`]: '' });
    await assert.rejects(bundled(folder), {
      code: 'SourceUnreadable',
      message: /migrations\.sig in .* cannot be read: it is a directory/,
    });
    const hidden = directory({ ...files, [`0/${SIGNATURE_FILE}`]: signature });
    chmodSync(join(hidden, '0', SIGNATURE_FILE), 0);
    if (process.getuid?.() !== 0) await assert.rejects(bundled(hidden), { code: 'SourceUnreadable' });
    const unread = directory({ ...files, 'lost+found/x': '', [SIGNATURE_FILE]: signature });
    assert.equal((await bundled(unread))[0]?.data?.[SIGNATURE_FILE], signature);
  });

  it('has names that are text to every reader of YAML', async () => {
    const root = directory({ '001_a.up.sql': 'SELECT 1;' });
    for (const namespace of [
      'no',
      'on',
      'yes',
      'off',
      'y',
      'n',
      'true',
      'null',
      '0b11',
      '0o17',
      '017',
      '0x1f',
      '1e3',
      '12',
    ]) {
      const manifests = await printed(root, { namespace });
      for (const version of ['1.1', '1.2'] as const) {
        const [document] = parseAllDocuments(manifests, { version });
        assert.ok(document);
        assert.equal((document.toJSON() as ConfigMap).metadata.namespace, namespace, version);
      }
      assert.match(manifests, new RegExp(`namespace: "${namespace}"\\n`));
    }
  });
});
