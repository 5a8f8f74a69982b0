// A release as Argo CD would sync it: what an overlay renders, in the order of its wave annotations. The story applies
// one wave after the other and goes on only when the wave before is healthy.
import { join } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import type { Kubernetes } from './kubernetes.ts';

export interface Wave {
  readonly number: number;
  readonly objects: readonly ManifestObject[];
}

interface ManifestObject {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
}

/** Names in the manifests, and what to use instead where the cluster pulls images from elsewhere. */
export type ImageNames = Readonly<Record<string, string>>;

/** As a person writes it, from the root of the repository. */
export const MANIFESTS = 'examples/truledgr/manifests';
const ROOT = join(import.meta.dirname, '../../..');

export async function wavesOf(kubernetes: Kubernetes, folder: string, images: ImageNames): Promise<readonly Wave[]> {
  const rendered = await kubernetes.kubectl(['kustomize', join(ROOT, MANIFESTS, folder)]);
  const text = Object.entries(images).reduce((all, [name, other]) => all.replaceAll(name, other), rendered);
  const objects = parseAllDocuments(text).map((document): ManifestObject => document.toJS());
  const numbers = [...new Set(objects.map(waveOf))].sort((a, b) => a - b);
  return numbers.map(number => ({ number, objects: objects.filter(object => waveOf(object) === number) }));
}

/** A repeat changes nothing; what the manifests leave out, such as the count of Pods, is left to others. */
export async function applyWave(kubernetes: Kubernetes, wave: Wave): Promise<void> {
  const text = wave.objects.map(object => stringify(object)).join('---\n');
  await kubernetes.kubectl(['apply', '--server-side', '--filename=-'], text);
}

export function describeWave(wave: Wave): string {
  return wave.objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`).join(', ');
}

export function hasMigration(wave: Wave): boolean {
  return wave.objects.some(object => object.kind === 'DatabaseMigration');
}

function waveOf(object: ManifestObject): number {
  return Number(object.metadata.annotations?.['argocd.argoproj.io/sync-wave'] ?? 0);
}
