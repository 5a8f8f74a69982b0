// Starts and stops the parts in order: watches → synced → elected → listed again → controllers, and back. Followers keep
// their caches warm, so that they are ready, and refresh them when they lead. main.ts makes the parts, hands them over and waits for `ended`.
import { type Logger, silentLogger } from './collaborators.ts';
import type { Controller } from './controller.ts';
import type { LeaderElection } from './leader-election.ts';

/** What the machine needs of a list-watch, whatever it watches. */
export interface Watching {
  readonly name: string;
  readonly synced: boolean;
  /** Why there is no list or watch at the moment, for a person. */
  readonly trouble: string | undefined;
  whenSynced(): Promise<void>;
  start(): void;
  /** Resolves when a list that began after the call is in the cache. */
  refresh(): Promise<void>;
  stop(): Promise<void>;
}

export interface MachineOptions {
  readonly watches: readonly Watching[];
  readonly controllers: readonly Controller[];
  /** Without it this process works at once: for one process on a laptop, or a test. */
  readonly election?: LeaderElection;
  /** For passes under way when asked to stop. Default 5,000; twice as long in the worst case. */
  readonly graceMs?: number;
  readonly logger?: Logger;
}

/** `LeadershipLost`: exit with an error, so that the Pod is started again. */
export type MachineEnd = 'Stopped' | 'LeadershipLost';

export class Machine {
  readonly #options: MachineOptions;
  readonly #logger: Logger;
  readonly #end = Promise.withResolvers<MachineEnd>();
  #state: 'new' | 'running' | 'stopping' = 'new';

  constructor(options: MachineOptions) {
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
  }

  /** Resolves when everything has stopped. */
  get ended(): Promise<MachineEnd> {
    return this.#end.promise;
  }

  /** Whether every cache has had its first list: readiness. */
  isSynced(): boolean {
    return this.#options.watches.every(watch => watch.synced);
  }

  /** Caches without a first list, and why, for the message of a failing readiness probe. */
  unsynced(): readonly string[] {
    return this.#options.watches
      .filter(watch => !watch.synced)
      .map(({ name, trouble }) => (trouble === undefined ? name : `${name} (${trouble})`));
  }

  /** Whether no worker hangs: liveness. */
  isAlive(): boolean {
    return this.#options.controllers.every(controller => controller.isAlive());
  }

  /** Begins; resolves when the controllers work, which for a follower may be never. */
  async start(): Promise<void> {
    if (this.#state !== 'new') throw new Error('a machine is started once');
    this.#state = 'running';
    const { watches, election, controllers } = this.#options;
    for (const watch of watches) watch.start();
    await Promise.all(watches.map(watch => watch.whenSynced()));
    this.#logger.info('caches are synced', { resources: watches.map(watch => watch.name).join(', ') });
    if (this.#isStopping()) return;
    if (election !== undefined) {
      void election.whenLost().then(() => this.#stop('LeadershipLost'));
      election.start();
      await election.whenElected();
      // A cache that followed may lag behind the last leader's last write; a list begun now does not.
      await Promise.all(watches.map(watch => watch.refresh()));
      if (this.#isStopping()) return;
    }
    for (const controller of controllers) controller.start();
  }

  /** Stops in reverse order and gives the Lease back if every pass has ended. Safe to repeat. */
  stop(): Promise<MachineEnd> {
    void this.#stop('Stopped');
    return this.ended;
  }

  async #stop(end: MachineEnd): Promise<void> {
    if (this.#isStopping()) return;
    this.#state = 'stopping';
    const { watches, election, controllers, graceMs = 5_000 } = this.#options;
    const ends = await Promise.all(controllers.map(controller => controller.stop(graceMs)));
    const isQuiet = ends.every(ended => ended === 'ended');
    if (!isQuiet) this.#logger.warn('passes were given up; the lease runs out by itself');
    await election?.stop(isQuiet && end === 'Stopped' ? 'release' : 'keep');
    await Promise.all(watches.map(watch => watch.stop()));
    this.#end.resolve(end);
  }

  #isStopping(): boolean {
    return this.#state === 'stopping';
  }
}
