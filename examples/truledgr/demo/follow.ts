// What `kubectl get dbm -w` shows, with what the words mean: a line whenever a column changes, and one for each
// condition and each change of the app's Pods. Ends when the resource is at rest, or when it says that a person is needed.
import { REASONS } from '../../../src/api/conditions.ts';
import { JOB_REASONS } from '../../../src/api/job-reasons.ts';
import type { Kubernetes } from './kubernetes.ts';
import {
  conditionOf,
  MIGRATIONS,
  type Migration,
  NAMESPACE,
  type Outcome,
  outcomeOf,
  type Until,
} from './migration.ts';
import { cut, line, mark, seconds, styled } from './terminal.ts';

const DEPLOYMENTS = `/apis/apps/v1/namespaces/${NAMESPACE}/deployments`;
const LONGEST_WAIT_MS = 5 * 60_000;
/** Widths of the columns: time, version, target, pending, ready, status. */
const COLUMNS = [8, 18, 20, 9, 7, 18] as const;
const BELOW_TIME = ' '.repeat(COLUMNS[0]);

interface Deployment {
  readonly spec: { readonly replicas?: number };
  readonly status?: { readonly replicas?: number; readonly readyReplicas?: number };
}

export interface Followed {
  readonly outcome: Outcome;
  readonly migration: Migration;
}

export async function follow(kubernetes: Kubernetes, until: Until, page: Page): Promise<Followed> {
  const stop = new AbortController();
  const end = Promise.withResolvers<Followed>();
  const timer = setTimeout(() => end.reject(new Error('nothing came to an end in 5 minutes')), LONGEST_WAIT_MS);
  const migrationChanged = (object: unknown): void => {
    const migration = object as Migration;
    page.showMigration(migration);
    const outcome = outcomeOf(migration, until);
    if (outcome !== undefined) end.resolve({ outcome, migration });
  };
  const watches = [
    kubernetes.watch(MIGRATIONS, 'truledgr', migrationChanged, stop.signal),
    kubernetes.watch(DEPLOYMENTS, 'truledgr-api', object => page.showPods(object as Deployment), stop.signal),
  ];
  try {
    return await end.promise;
  } finally {
    clearTimeout(timer);
    stop.abort();
    await Promise.all(watches);
  }
}

/** Prints what changed, and only that; one for a release, whatever number of times it is followed. */
export class Page {
  readonly #started = performance.now();
  readonly #shown = new Map<string, string>();

  /** What is known before the release is not news. */
  skip(migration: Migration): void {
    for (const { type, status, reason } of migration.status?.conditions ?? []) this.#shown.set(type, status + reason);
  }

  showMigration(migration: Migration): void {
    const { status } = migration;
    const ready = conditionOf(migration, 'Ready');
    const pending = status?.pending?.count;
    const columns = [status?.version, status?.targetVersion, pending?.toString(), ready?.status, ready?.reason];
    const head = ['time', 'VERSION', 'TARGET', 'PENDING', 'READY', 'STATUS'];
    this.#show('head', '', () => line(styled('bold', cells(head))));
    this.#show('columns', columns.join(' '), () => {
      const time = seconds(performance.now() - this.#started);
      const text = cells([time, ...columns.map(column => column ?? '–')]);
      line(
        styled(colourOf(migration), text) +
          styled('dim', cut(meaningOf(ready?.reason) ?? ready?.message ?? '', text.length)),
      );
    });
    for (const { type, status: value, reason, message } of status?.conditions ?? []) {
      const isSummary = type === 'Ready' || type === 'Reconciling' || type === 'Stalled';
      if (isSummary || value === 'Unknown' || reason === 'Pending') continue;
      this.#show(type, value + reason, () => {
        const text = cut(`${type}: ${message}`, BELOW_TIME.length + 2);
        const sign = value === 'True' ? 'good' : reason === conditionOf(migration, 'Stalled')?.reason ? 'bad' : 'open';
        line(`${BELOW_TIME}${mark(sign)} ${styled('dim', text)}`);
      });
    }
  }

  showPods(deployment: Deployment): void {
    const wanted = deployment.spec.replicas ?? 1;
    const there = deployment.status?.replicas ?? 0;
    const ready = deployment.status?.readyReplicas ?? 0;
    const text = `app: ${wanted} Pods wanted, ${there} there, ${ready} ready`;
    const isSettled = wanted === there && wanted === ready;
    this.#show('pods', text, () => line(`${BELOW_TIME}${mark(isSettled ? 'good' : 'open')} ${styled('dim', text)}`));
  }

  #show(what: string, now: string, print: () => void): void {
    if (this.#shown.get(what) === now) return;
    this.#shown.set(what, now);
    print();
  }
}

function cells(texts: readonly string[]): string {
  return texts.map((text, index) => text.padEnd(COLUMNS[index] ?? 0)).join('');
}

function colourOf(migration: Migration): 'green' | 'red' | 'yellow' {
  if (conditionOf(migration, 'Stalled')?.status === 'True') return 'red';
  return conditionOf(migration, 'Ready')?.status === 'True' ? 'green' : 'yellow';
}

/** In one sentence, from the tables that docs/conditions.md is made of. */
function meaningOf(reason = ''): string | undefined {
  const tables: Readonly<Record<string, { readonly meaning: string }>> = { ...JOB_REASONS, ...REASONS };
  return tables[reason]?.meaning;
}
