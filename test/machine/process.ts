// The operator as a process of its own (src/operator/main.ts), as a Pod runs it: a service account's token, a Lease in its
// namespace, one namespace to watch. What it says is kept, and it can be frozen, woken and ended. For test/machine and
// test/bench.
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePorts } from '../cluster/kit/ports.ts';
import { eventually } from './plane.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'operator', 'main.ts');

export interface LogLine {
  readonly time: string;
  readonly level: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

interface Ended {
  /** Exit status; null after a signal. */
  readonly code: number | null;
  readonly atMs: number;
}

export interface ProcessOptions {
  /** Also its Pod's name, and so its identity in the Lease. */
  readonly name: string;
  /** Of the Lease, and the one that it watches. */
  readonly namespace: string;
  readonly kubeconfig: string;
  /** Default: the source. */
  readonly program?: string;
  /** Further flags; of one that is given twice the last counts. */
  readonly flags?: readonly string[];
  /** Of Node itself. */
  readonly nodeFlags?: readonly string[];
}

export class OperatorProcess implements AsyncDisposable {
  readonly name: string;
  readonly log: LogLine[] = [];
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;
  readonly #port: number;

  static async start(options: ProcessOptions): Promise<OperatorProcess> {
    const [port = 0] = await freePorts(1);
    return new OperatorProcess(options, port);
  }

  private constructor(options: ProcessOptions, port: number) {
    const { name, namespace, program = MAIN, nodeFlags = [] } = options;
    this.name = name;
    this.#port = port;
    const own = ['--leader-elect', `--watch-namespaces=${namespace}`, `--health-address=:${port}`, '--log-level=debug'];
    this.#child = spawn(process.execPath, [...nodeFlags, program, ...own, ...(options.flags ?? [])], {
      env: {
        PATH: process.env.PATH ?? '',
        KUBECONFIG: options.kubeconfig,
        RUNNER_IMAGE: 'runner:never-run',
        OPERATOR_NAMESPACE: namespace,
        POD_NAME: name,
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    if (this.#child.stderr === null) throw new Error('the process has no standard error');
    createInterface(this.#child.stderr).on('line', line => this.log.push(parseLine(line)));
    // It is not to outlive whoever gave up waiting for it.
    const kill = (): boolean => this.#child.kill('SIGKILL');
    process.once('exit', kill);
    this.ended = new Promise(resolve => {
      this.#child.on('close', code => {
        process.off('exit', kill);
        resolve({ code, atMs: Date.now() });
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT' | 'SIGTERM' | 'SIGKILL'): number {
    this.#child.kill(signal);
    return Date.now();
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Status and text of a page of its health port; status 0 when it does not answer. */
  async page(path: '/readyz' | '/healthz' | '/metrics'): Promise<{ status: number; text: string }> {
    try {
      const answer = await fetch(`http://127.0.0.1:${this.#port}${path}`, { headers: { connection: 'close' } });
      return { status: answer.status, text: await answer.text() };
    } catch {
      return { status: 0, text: '' };
    }
  }

  /** A metric of one resource; 0 where it has none yet. */
  async figure(name: string, resource: string): Promise<number> {
    const { text } = await this.page('/metrics');
    const line = text.split('\n').find(one => one.startsWith(`${name}{resource="${resource}"}`));
    return Number(line?.split(' ').at(-1) ?? 0);
  }

  async whenReady(): Promise<void> {
    await eventually(
      `${this.name} is ready`,
      async () => (await this.page('/readyz')).status === 200,
      () => this.lastWords(),
    );
  }

  /** When it said that it leads, in milliseconds since 1970. */
  async whenLeading(limitMs?: number): Promise<number> {
    const said = (): LogLine | undefined => this.log.find(line => line.message === 'leading');
    await eventually(
      `${this.name} leads`,
      async () => said() !== undefined,
      () => this.lastWords(),
      limitMs,
    );
    return Date.parse(said()?.time ?? '');
  }

  /** The end of its log, for a person. */
  lastWords(): string {
    const lines = this.log.slice(-15).map(line => JSON.stringify(line));
    return [`the end of the log of ${this.name}:`, ...lines].join('\n');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.signal('SIGKILL');
    await this.ended;
  }
}

function parseLine(text: string): LogLine {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return { time: '', level: 'text', message: text };
  }
}
