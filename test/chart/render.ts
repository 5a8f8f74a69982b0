// Runs Helm on the chart without a cluster. Rendered YAML is read and written again before it is compared, so that the
// goldens do not depend on the spacing of one Helm version. HELM names another binary, such as one of Helm 3.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { helmBinary } from '../cluster/kit/binaries.ts';

export const CHART = join(import.meta.dirname, '../../charts/migration-operator');
const NAMESPACE = 'migration-system';

export interface Manifest {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** Names as in the chart's README, values as `--set` writes them; text in braces is a list. */
export type Values = Readonly<Record<string, string>>;

/** What `helm template` gives; rejects with what Helm says when it refuses. */
export async function render(values: Values): Promise<readonly Manifest[]> {
  const text = await helm(['template', 'migration-operator', CHART, ...flagsOf(values)]);
  return parseAllDocuments(text)
    .map((document): Manifest | null => document.toJS())
    .filter(manifest => manifest !== null);
}

/** What a person reads after `helm install`. */
export async function renderNotes(values: Values): Promise<string> {
  const flags = ['--dry-run=client', '--output=yaml', ...flagsOf(values)];
  const release: { info: { notes: string } } = parse(await helm(['install', 'migration-operator', CHART, ...flags]));
  return release.info.notes;
}

/** Rejects with what the linter says. */
export async function lint(): Promise<void> {
  await helm(['lint', '--strict', CHART]);
}

export function asText(manifests: readonly Manifest[]): string {
  return manifests.map(manifest => stringify(manifest, { lineWidth: 120 })).join('---\n');
}

function flagsOf(values: Values): readonly string[] {
  const set = Object.entries(values).map(([name, value]) => `--set=${name}=${value}`);
  return [`--namespace=${NAMESPACE}`, ...set];
}

async function helm(args: readonly string[]): Promise<string> {
  const binary = process.env.HELM ?? (await helmBinary(line => console.error(line)));
  // An unreachable cluster: whoever needs one to render fails here, and not only on a machine without a cluster.
  const env = { ...process.env, KUBECONFIG: '/dev/null' };
  const { stdout } = await promisify(execFile)(binary, args, { env, maxBuffer: 16 * 1024 * 1024 });
  return stdout;
}
