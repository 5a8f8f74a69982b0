// Reads manifests.yaml, the table of mistakes, into rows: what each lays over the valid manifest, and what is around it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { isTree, overlay, type Tree } from '../golden/merge.ts';

/** Who must catch a row; `fine` is for rows that look wrong and are right. */
export const PLACES = ['apiServer', 'strict', 'admit', 'plan', 'fine'] as const;
export type Place = (typeof PLACES)[number];

/** The content of a ConfigMap: text, or bytes in base64. */
export type Files = Readonly<Record<string, string | { readonly base64: string }>>;

export interface Row {
  readonly place: Place;
  /** What is wrong, in words. */
  readonly name: string;
  /** What the table says, for the reader of the messages. */
  readonly written: unknown;
  /** The name of its resource, and of its key in the Secret. */
  readonly slug: string;
  readonly spec: Tree;
  readonly annotations: Readonly<Record<string, string>>;
  /** One entry a ConfigMap; undefined: the one that all share. */
  readonly configMaps: readonly Files[] | undefined;
  /** The value of the Secret's key; undefined: a database that is there. */
  readonly url: string | undefined;
  /** Whether an older resource has the same database. */
  readonly rival: boolean;
}

const table = parse(readFileSync(join(import.meta.dirname, 'manifests.yaml'), 'utf8')) as Tree;

/** The files that rows without files of their own have. */
export const SHARED_FILES = table.files as Files;
const MANIFEST = table.manifest as Tree;

export function readRows(place: Place): readonly Row[] {
  return Object.entries(table[place] as Tree).map(([name, written], index) => {
    const slug = `${place.toLowerCase()}-${String(index + 1).padStart(2, '0')}`;
    const said = place === 'apiServer' || place === 'strict' ? { spec: written } : (written as Tree);
    return { place, name, written, slug, ...circumstances(slug, said) };
  });
}

const WORDS = ['spec', 'annotations', 'configMaps', 'url', 'rival'];

function circumstances(slug: string, said: Tree) {
  const unknown = Object.keys(said).filter(word => !WORDS.includes(word));
  if (unknown.length > 0) throw new Error(`${slug}: unknown ${unknown.join(', ')}; known: ${WORDS.join(', ')}`);
  const configMaps = said.configMaps as readonly Files[] | undefined;
  const refs = configMaps?.map((_, number) => ({ name: configMapName(slug, number) }));
  const surroundings = {
    database: { urlSecretRef: { key: said.rival === true ? 'rival' : slug } },
    ...(refs === undefined ? {} : { source: { configMapRefs: refs } }),
  };
  return {
    spec: overlay(overlay(MANIFEST, surroundings), said.spec ?? {}) as Tree,
    annotations: isTree(said.annotations) ? (said.annotations as Record<string, string>) : {},
    configMaps,
    url: said.url as string | undefined,
    rival: said.rival === true,
  };
}

export function configMapName(slug: string, number: number): string {
  return `${slug}-${number}`;
}
