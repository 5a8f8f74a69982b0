// What a person would look at first when a release does not do what it should: the resource, what is around it, the
// operator's log and the Jobs' logs. Never fails itself.
import { MIGRATION } from './names.ts';
import { kubectl, list, type Site } from './site.ts';

const LOG_LINES = 30;

export async function explain(site: Site, title: string): Promise<string> {
  const kinds = 'databasemigrations,databasebackups,deployments,statefulsets,jobs,pods';
  const parts = [
    `----- ${site.namespace}: ${title}`,
    await quietly(() => kubectl(site, 'get', kinds, '--output=wide')),
    await quietly(() => kubectl(site, 'describe', 'databasemigration', MIGRATION)),
    '----- the operator',
    operatorLines(site),
    ...(await jobLogs(site)),
    `----- end of ${site.namespace}`,
  ];
  return parts.join('\n');
}

function operatorLines(site: Site): string {
  const lines = site.stage.operatorLog.text().split('\n');
  return lines
    .filter(line => line.includes(site.namespace))
    .slice(-LOG_LINES)
    .join('\n');
}

async function jobLogs(site: Site): Promise<readonly string[]> {
  const pods = await list(site, 'pods', 'migrations.truledgr.app/step').catch(() => []);
  return Promise.all(
    pods.map(async pod => {
      const name = pod.metadata?.name ?? '';
      return `----- ${name}\n${await quietly(() => kubectl(site, 'logs', name, `--tail=${LOG_LINES}`))}`;
    }),
  );
}

async function quietly(ask: () => Promise<string>): Promise<string> {
  return ask().catch((error: Error) => error.message);
}
