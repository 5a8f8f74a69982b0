// One DatabaseMigration in a cluster in memory: a pass observes, decides, writes the status and acts, as the reconciler
// does. The stories of the golden files and the random ones of the model test are played on it.
import { isDeepStrictEqual } from 'node:util';
import { type MigrationStatus, parseMigrationSpec, parseStatus } from '../../src/api/parse.ts';
import type { EventNote } from '../../src/operator/migration/actions.ts';
import { type Decision, decide } from '../../src/operator/migration/decide.ts';
import type { World } from '../../src/operator/migration/world.ts';
import { type Answer, answerTo, type DatabaseModel } from './answers.ts';
import { Cluster, Conflict, endJob, type PlayedJob, runJob } from './cluster.ts';
import { overlay, type Tree } from './merge.ts';

export interface Told {
  readonly run: number;
  readonly event: EventNote;
}

export const UID = 'uid-of-truledgr';

/** The spec that every story begins with; valid, and only what a person would write. */
export const SPEC: Tree = {
  database: { urlSecretRef: { name: 'truledgr-database', key: 'url' }, appRoles: ['truledgr_app'] },
  source: { configMapRefs: [{ name: 'truledgr-migrations-7h2k9c' }] },
  target: '005_auth_tables',
  backup: { storage: { volumeClaim: { name: 'truledgr-backups' } } },
  rollout: { strategy: 'Recreate', workloads: [{ kind: 'Deployment', name: 'truledgr-api' }] },
  validation: { http: [{ name: 'health', url: 'http://truledgr-api/health' }] },
};

export class Play {
  readonly cluster = new Cluster();
  readonly database: DatabaseModel = {
    version: null,
    progressRows: 0,
    epochRunId: null,
    epochAttempt: 0,
    epochVersion: null,
  };
  spec: Tree;
  status: MigrationStatus = { observedGeneration: -1 };
  generation = 1;
  deletionTime: string | undefined;
  retryToken: string | undefined;
  adopts: string | undefined;
  confirms: string | undefined;
  namespace: World['namespace'] = 'Active';
  rivals: readonly string[] = [];
  volumeUsers: readonly string[] = [];
  refusals: World['refusals'] = [];
  scalers: World['scalers'] = [];
  nowMs = Date.parse('2026-11-22T10:00:00Z');
  /** All that was told from the beginning, with the run that it is of. */
  readonly told: Told[] = [];

  constructor(spec: Tree = {}) {
    this.spec = overlay(SPEC, spec) as Tree;
  }

  get now(): string {
    return new Date(this.nowMs).toISOString().replace('.000Z', 'Z');
  }

  /** What the operator would observe now. */
  world(): World {
    const spec = parseMigrationSpec(this.spec);
    const backup = this.cluster.backups.get(this.status.run?.backup?.name ?? '');
    const world: World = {
      now: this.now,
      resource: {
        namespace: 'shop',
        name: 'truledgr',
        uid: UID,
        generation: this.generation,
        finalizer: this.cluster.finalizer,
        ...(this.deletionTime === undefined ? {} : { deletionTime: this.deletionTime }),
        ...(this.retryToken === undefined ? {} : { retryToken: this.retryToken }),
        ...(this.adopts === undefined ? {} : { adopts: this.adopts }),
        ...(this.confirms === undefined ? {} : { confirmsDowngrade: this.confirms }),
      },
      spec,
      status: parseStatus(this.status),
      owner: '00000000000000aa',
      namespace: this.namespace,
      rivals: this.rivals,
      volumeUsers: this.volumeUsers,
      refusals: this.refusals,
      ...(this.scalers === undefined ? {} : { scalers: this.scalers }),
      sources: this.#sourceNames().map(name => this.cluster.sources.get(name) ?? { name }),
      jobs: this.cluster.jobViews(),
      workloads: this.cluster.workloadViews(this.#workloadNames()),
      ...(backup === undefined ? {} : { backup }),
    };
    return structuredClone(world);
  }

  /** One pass. With `acts`, only so many of its effects, of which the status write is the first, reach the cluster. */
  pass(acts = Number.POSITIVE_INFINITY): Decision {
    const decision = decide(this.world());
    if (acts === 0) return decision;
    if (decision.scope === 'Whole') this.status = structuredClone(decision.status);
    for (const event of decision.events) this.told.push({ run: decision.status.run?.id ?? 0, event });
    try {
      for (const action of decision.actions.slice(0, acts - 1)) this.cluster.do(action, this.now, UID);
    } catch (error) {
      if (!(error instanceof Conflict)) throw error;
    }
    return decision;
  }

  /** Passes, a second apart, until one changes nothing; a decision that never rests is an error. */
  rest(): Decision {
    for (let count = 0; count < 30; count += 1) {
      const before = this.world();
      const decision = this.pass();
      const after = this.world();
      if (isDeepStrictEqual(before, after)) return decision;
      this.nowMs += 1_000;
    }
    throw new Error(`it does not come to rest at ${this.status.conditions?.[0]?.reason}`);
  }

  later(seconds: number): void {
    this.nowMs += seconds * 1000;
  }

  /** A person edits the spec. */
  edit(change: Tree): void {
    this.spec = overlay(this.spec, change) as Tree;
    this.generation += 1;
  }

  jobRuns(job: PlayedJob): void {
    runJob(job);
    this.#touchDatabase(job, 'Begin');
  }

  /** The container ends with an answer of the runner's. */
  jobAnswers(job: PlayedJob, answer: Answer = {}): void {
    if ((answer.exitCode ?? 0) === 0) this.#touchDatabase(job, 'Apply');
    const result = answerTo(job.request.input, this.database, answer);
    const reason = result.exitCode === 0 ? 'Completed' : 'Error';
    this.jobEnds(job, { exitCode: result.exitCode, reason }, JSON.stringify(result));
  }

  /** The container ends with any last words. */
  jobEnds(job: PlayedJob, how: { exitCode: number; reason: string }, message: string): void {
    this.#touchDatabase(job, 'Begin');
    endJob(job, how, message);
  }

  /** A `migrate` that begins writes its epoch; one that ends well has brought the database to its target. */
  #touchDatabase(job: PlayedJob, what: 'Begin' | 'Apply'): void {
    const { input } = job.request;
    const { database } = this;
    if (input.step === 'settle') database.epochAttempt = Math.max(database.epochAttempt, input.attempt);
    if (input.step !== 'migrate') return;
    if (input.baseline !== undefined && database.unrecorded === true) {
      database.version = input.baseline.version;
      database.unrecorded = false;
    }
    if (database.epochRunId !== input.runId) database.epochVersion = database.version;
    database.epochRunId = input.runId;
    database.epochAttempt = Math.max(database.epochAttempt, input.attempt);
    if (what !== 'Apply') return;
    database.version = input.to;
    if (database.repeatable !== 'Pending') return;
    database.repeatable = 'Ran';
    database.repeatedBy = input.runId;
  }

  #sourceNames(): readonly string[] {
    const refs = (this.spec.source as { configMapRefs?: { name: string }[] } | undefined)?.configMapRefs ?? [];
    return refs.map(ref => ref.name);
  }

  #workloadNames(): readonly { kind: 'Deployment' | 'StatefulSet'; name: string }[] {
    const listed = (this.spec.rollout as { workloads?: { kind: string; name: string }[] } | undefined)?.workloads ?? [];
    const all = [...listed, ...(this.status.run?.workloads ?? [])].map(
      ({ kind, name }) => ({ kind: kind === 'StatefulSet' ? 'StatefulSet' : 'Deployment', name }) as const,
    );
    return [...new Map(all.map(ref => [`${ref.kind}/${ref.name}`, ref])).values()];
  }
}
