// The objects of a scenario as a user would apply them: a small shop, its database and its migrations.
import { createHash } from 'node:crypto';
import { ANNOTATIONS } from '../../src/api/names.ts';

export interface Release {
  /** Migrations by version; most are made by `migration`. */
  readonly migrations: Readonly<Record<string, string>>;
  /** The way back, of those that have one. */
  readonly downs?: Readonly<Record<string, string>>;
  readonly strategy: 'Recreate' | 'Rolling' | 'None';
  /** At which version a database without a record is adopted. */
  readonly baseline?: string;
}

export interface App {
  /** Deployment, if not given. */
  readonly kind?: 'Deployment' | 'StatefulSet';
  readonly replicas: number;
  readonly minVersion?: string;
}

/** Name of the DatabaseMigration, and of the app's Deployment. */
export const APP = 'shop';
export const CLAIM = 'backups';
export const SECRET = 'database';

/** Named by a hash of the content, as kustomize does. */
export function configMapOf(release: Release) {
  const files = (scripts: Release['migrations'], ending: string) =>
    Object.entries(scripts).map(([version, sql]) => [`${version}.${ending}`, sql]);
  const data = Object.fromEntries([...files(release.migrations, 'up.sql'), ...files(release.downs ?? {}, 'down.sql')]);
  const hash = createHash('sha256').update(JSON.stringify(data)).digest('hex').slice(0, 8);
  return { metadata: { name: `migrations-${hash}` }, data };
}

export function migrationSpecOf(release: Release, healthUrl: string, { kind = 'Deployment' }: Partial<App> = {}) {
  const isManaged = release.strategy !== 'None';
  return {
    database: { urlSecretRef: { name: SECRET, key: 'url' }, appRoles: ['app'] },
    source: { configMapRefs: [{ name: configMapOf(release).metadata.name }] },
    target: targetOf(release),
    ...(release.baseline === undefined ? {} : { baseline: { version: release.baseline } }),
    backup: isManaged
      ? { policy: 'Always', storage: { volumeClaim: { name: CLAIM } } }
      : { policy: 'Never', storage: null },
    rollout: {
      strategy: release.strategy,
      workloads: isManaged ? [{ kind, name: APP, replicas: 2 }] : [],
      drainSeconds: 5,
    },
    validation: isManaged ? { http: [{ name: 'health', url: healthUrl }], timeoutSeconds: 30 } : { http: [] },
  };
}

export function deploymentOf({ replicas, minVersion }: App) {
  const labels = { app: APP };
  const annotations = minVersion === undefined ? {} : { [ANNOTATIONS.minVersion]: minVersion };
  return {
    metadata: { name: APP },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels, annotations },
        spec: { containers: [{ name: 'app', image: 'shop:played' }], automountServiceAccountToken: false },
      },
    },
  };
}

export function statefulSetOf(app: App, updateStrategy: 'RollingUpdate' | 'OnDelete' = 'RollingUpdate') {
  const { metadata, spec } = deploymentOf(app);
  return { metadata, spec: { ...spec, serviceName: APP, updateStrategy: { type: updateStrategy } } };
}

export function claimOf() {
  return {
    metadata: { name: CLAIM },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  };
}

/** The highest version of a release. */
export function targetOf(release: Release): string {
  return Object.keys(release.migrations).sort().at(-1) ?? '';
}

/** A migration that cannot be applied twice unseen: it makes a table and leaves a row. */
export function migration(version: string, extra = ''): Readonly<Record<string, string>> {
  const table = version.replace(/^\d+_/, '');
  const witness = version.startsWith('001') ? 'CREATE TABLE witness (version text NOT NULL);\n' : '';
  return {
    [version]: `${witness}CREATE TABLE ${table} (id bigint PRIMARY KEY);\nINSERT INTO witness VALUES ('${version}');\n${extra}`,
  };
}
