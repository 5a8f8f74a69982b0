// Releases of the example as the scenarios make them: the first install, and an upgrade in two waves.

import { waitReady } from './expect.ts';
import { filesUpTo, type Version } from './migrations.ts';
import { type AppOptions, application, configMap, type MigrationOptions, migration } from './objects.ts';
import { apply, type Site } from './site.ts';

/** First wave: what the database should be. */
export async function applyMigration(
  site: Site,
  options: Omit<MigrationOptions, 'files' | 'target'> & {
    readonly target: Version;
    readonly files?: MigrationOptions['files'];
  },
): Promise<void> {
  const files = options.files ?? filesUpTo(options.target, site.database.app.name);
  await apply(site, [configMap(files), migration(site.database, { ...options, files })]);
}

/** Second wave: the code for it. */
export async function applyApp(site: Site, options: AppOptions): Promise<void> {
  await apply(site, [application(options)]);
}

/** Release 005 on an empty database: the app is made at zero and is brought up when the database is there. */
export async function install(
  site: Site,
  app: Partial<AppOptions> = {},
  spec: NonNullable<MigrationOptions['spec']> = {},
): Promise<void> {
  await applyApp(site, { release: '005', replicas: 0, ...app });
  await applyMigration(site, { target: '005_auth_tables', spec });
  await waitReady(site);
}
