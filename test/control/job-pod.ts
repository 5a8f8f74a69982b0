// Runs the step of one Job's Pod in this process, as `src/runner/main.ts` does in a container: input from its
// environment, the URL from the Secret that it names, ConfigMaps and the volume claim as directories.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BACKUPS_DIRECTORY, MIGRATIONS_DIRECTORY } from '../../src/api/job-contract.ts';
import { LABELS } from '../../src/api/names.ts';
import type { Api } from '../../src/kubernetes/api.ts';
import { CONFIG_MAPS, type Pod } from '../../src/kubernetes/resources.ts';
import { readInput, readStep } from '../../src/runner/input.ts';
import { runStep } from '../../src/runner/run.ts';
import { SECRETS } from './kinds.ts';

/** Where volumes are, and the programs that a runner needs. */
export interface Volumes {
  /** Below it: a directory for each volume claim and each Pod. */
  readonly directory: string;
  readonly postgresBinaries: string;
}

export interface JobPodEnvironment {
  readonly api: Api;
  readonly volumes: Volumes;
  readonly signal: AbortSignal;
}

type Spec = NonNullable<Pod['spec']>;

/** The exit code and the termination message of its container. */
export async function runJobPod(
  pod: Pod,
  { api, volumes, signal }: JobPodEnvironment,
): Promise<{ exitCode: number; message: string }> {
  const namespace = pod.metadata?.namespace ?? '';
  const spec = pod.spec;
  if (spec === undefined) throw new Error('a Pod must have a spec');
  const step = readStep(pod.metadata?.labels?.[LABELS.step]);
  const input = readInput(step, variable(spec, 'MIGRATE_JOB')?.value);
  const migrationsDirectory = mkdtempSync(join(volumes.directory, 'pod-'));
  try {
    await mountConfigMaps(api, namespace, spec, migrationsDirectory);
    const result = await runStep(input, {
      databaseUrl: await secretOf(api, namespace, spec),
      migrationsDirectory,
      backupsDirectory: volumeClaim(volumes, namespace, spec) ?? join(migrationsDirectory, 'no-volume'),
      postgresBinaries: volumes.postgresBinaries,
      log: () => {},
      signal,
    });
    return { exitCode: result.exitCode, message: JSON.stringify(result) };
  } finally {
    rmSync(migrationsDirectory, { recursive: true, force: true });
  }
}

function variable(spec: Spec, name: string) {
  return spec.containers[0]?.env?.find(one => one.name === name);
}

async function secretOf(api: Api, namespace: string, spec: Spec): Promise<string> {
  const ref = variable(spec, 'DATABASE_URL')?.valueFrom?.secretKeyRef;
  if (ref?.name === undefined) throw new Error('DATABASE_URL must come from a Secret');
  const secret = await api.get(SECRETS, namespace, ref.name);
  const value = secret?.data?.[ref.key];
  if (value === undefined) throw new Error(`Secret ${ref.name} must have the key ${ref.key}`);
  return Buffer.from(value, 'base64').toString('utf8');
}

async function mountConfigMaps(api: Api, namespace: string, spec: Spec, root: string): Promise<void> {
  for (const { name, configMap } of spec.volumes ?? []) {
    if (configMap?.name === undefined) continue;
    const path = mountPathOf(spec, name);
    if (path === undefined || !path.startsWith(`${MIGRATIONS_DIRECTORY}/`)) continue;
    const directory = join(root, path.slice(MIGRATIONS_DIRECTORY.length));
    mkdirSync(directory, { recursive: true });
    const found = await api.get(CONFIG_MAPS, namespace, configMap.name);
    if (found === undefined) throw new Error(`there is no ConfigMap ${configMap.name}`);
    for (const [file, text] of Object.entries(found.data ?? {})) writeFileSync(join(directory, file), text);
    for (const [file, base64] of Object.entries(found.binaryData ?? {}))
      writeFileSync(join(directory, file), Buffer.from(base64, 'base64'));
  }
}

/** The directory that stands for the claim mounted as the backup volume. */
function volumeClaim(volumes: Volumes, namespace: string, spec: Spec): string | undefined {
  const volume = spec.volumes?.find(one => mountPathOf(spec, one.name) === BACKUPS_DIRECTORY);
  const claim = volume?.persistentVolumeClaim?.claimName;
  if (claim === undefined) return undefined;
  const directory = join(volumes.directory, namespace, claim);
  mkdirSync(directory, { recursive: true });
  return directory;
}

function mountPathOf(spec: Spec, volume: string): string | undefined {
  return spec.containers[0]?.volumeMounts?.find(mount => mount.name === volume)?.mountPath;
}
