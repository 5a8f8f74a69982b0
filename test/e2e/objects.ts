// The objects of one release of the example, with defaults that work; a scenario says only what it is about.
import type { DatabaseMigrationSpec } from '../../src/api/database-migration.gen.ts';
import { ANNOTATIONS, API_VERSION } from '../../src/api/names.ts';
import type { Database } from './database.ts';
import { configMapName, type Files, type Version } from './migrations.ts';
import { APP, APP_IMAGE, BACKUPS, MIGRATION, SECRETS } from './names.ts';
import { restrictedContainer, restrictedPod } from './pod-security.ts';

type Spec = DatabaseMigrationSpec;

export interface AppOptions {
  readonly kind?: 'Deployment' | 'StatefulSet';
  /** Release of the code; its version is the annotation unless `needs` says otherwise. */
  readonly release: '005' | '006';
  /** Absent: left to whoever scaled last. */
  readonly replicas?: number;
  /** What the Pod template says it needs. `Nothing`: no annotation. */
  readonly needs?: { readonly min: Version; readonly max?: Version } | 'Nothing';
}

export interface MigrationOptions {
  readonly target: string;
  readonly files: Files;
  /** Over the defaults, field by field of the first level. */
  readonly spec?: Partial<Spec>;
}

const LABELS = { 'app.kubernetes.io/name': APP };
const VERSION_OF = { '005': '005_auth_tables', '006': '006_ledger_tables' } as const;

/** What is there before the first release: Secrets, the claim for backups, the Service. */
export function surroundings(database: Database): readonly object[] {
  const secret = (name: string, url: string): object => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name },
    stringData: { url },
  });
  const claim = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '100Mi' } } };
  return [
    secret(SECRETS.owner, database.owner.url),
    secret(SECRETS.app, database.app.url),
    { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: BACKUPS }, spec: claim },
    serviceFor(APP, LABELS),
  ];
}

export function serviceFor(name: string, selector: Readonly<Record<string, string>>): object {
  const ports = [{ name: 'http', port: 80, targetPort: 'http' }];
  return { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { selector, ports } };
}

export function configMap(files: Files): object {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: configMapName(files) }, data: files };
}

export function migration(database: Database, options: MigrationOptions): object {
  const spec = {
    database: { urlSecretRef: { name: SECRETS.owner, key: 'url' }, appRoles: [database.app.name] },
    source: { configMapRefs: [{ name: configMapName(options.files) }] },
    target: options.target,
    backup: { policy: 'Never' },
    rollout: recreate(),
    ...options.spec,
  };
  return { apiVersion: API_VERSION, kind: 'DatabaseMigration', metadata: { name: MIGRATION }, spec };
}

export const withBackup = { policy: 'Always', storage: { volumeClaim: { name: BACKUPS } } } satisfies Spec['backup'];

/** Stops and starts the app; `replicas` counts for the first start only. */
export function recreate(over: Partial<Spec['rollout']> = {}): Spec['rollout'] {
  const workloads = [{ kind: 'Deployment' as const, name: APP, replicas: 2 }];
  return { strategy: 'Recreate', drainSeconds: 30, workloads, ...over };
}

export function healthCheck(service: string = APP): NonNullable<Spec['validation']> {
  return { http: [{ name: 'health', url: `http://${service}/health` }], timeoutSeconds: 60 };
}

export function application(options: AppOptions): object {
  const kind = options.kind ?? 'Deployment';
  const template = { metadata: { labels: LABELS, annotations: annotationsFor(options) }, spec: podSpec(options) };
  const spec = {
    ...(options.replicas === undefined ? {} : { replicas: options.replicas }),
    ...(kind === 'StatefulSet' ? { serviceName: APP } : {}),
    selector: { matchLabels: LABELS },
    template,
  };
  return { apiVersion: 'apps/v1', kind, metadata: { name: APP }, spec };
}

function annotationsFor({ needs, release }: AppOptions): Record<string, string> {
  if (needs === 'Nothing') return {};
  const { min, max } = needs ?? { min: VERSION_OF[release], max: undefined };
  return { [ANNOTATIONS.minVersion]: min, ...(max === undefined ? {} : { [ANNOTATIONS.maxVersion]: max }) };
}

function podSpec({ release }: AppOptions): object {
  const container = {
    ...restrictedContainer,
    name: 'api',
    image: APP_IMAGE,
    imagePullPolicy: 'IfNotPresent',
    env: [
      { name: 'VERSION', value: release },
      { name: 'DATABASE_URL', valueFrom: { secretKeyRef: { name: SECRETS.app, key: 'url' } } },
    ],
    ports: [{ name: 'http', containerPort: 8080 }],
    readinessProbe: { httpGet: { path: '/health', port: 'http' }, periodSeconds: 1, timeoutSeconds: 3 },
    // Requests still come for a moment after a Pod was told to end: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination
    lifecycle: { preStop: { sleep: { seconds: 2 } } },
    resources: { requests: { cpu: '10m', memory: '48Mi' } },
  };
  return { ...restrictedPod(65532), terminationGracePeriodSeconds: 10, containers: [container] };
}
