// Names the writes of an operator, so that a point to kill it at means the same in every run: the step of the run, verb
// and resource, what the write is for, and which of its like it is. Read from the requests alone; pure but for the count.
// Events and Leases do not count: losing one changes nothing.

export interface Write {
  /** The step of the run that was under way; `HandOver` for a finished Job's, `BackUp` for the backup's controller. */
  readonly step: string;
  readonly verb: string;
  /** `jobs`, `databasemigrations/status`. */
  readonly resource: string;
  /** `to 0`, `Ready=Stopping; Stop Active`. */
  readonly what: string;
  /** 1 for the first write of this step, verb, resource and purpose. */
  readonly ordinal: number;
  /** All but the ordinal in one line. */
  readonly like: string;
}

/** The identity of a write within its scenario. */
export function keyOf({ like, ordinal }: Pick<Write, 'like' | 'ordinal'>): string {
  return `${like} #${ordinal}`;
}

const VERBS: Readonly<Record<string, string>> = { POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' };
const PATH = /^\/(?:api|apis\/[^/]+)\/[^/]+(?:\/namespaces\/[^/]+)?\/([^/]+)(?:\/([^/]+)(?:\/([^/]+))?)?$/;

interface Asked {
  readonly verb: string;
  readonly resource: string;
  readonly name: string;
  readonly body: Body;
}

/** The parts of bodies that tell what a write is for. */
interface Body {
  readonly metadata?: {
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string | null>>;
    readonly finalizers?: readonly string[];
  };
  readonly spec?: { readonly replicas?: number; readonly template?: unknown };
  readonly status?: Status;
}

interface Status {
  readonly run?: {
    readonly steps?: readonly Step[];
    readonly outcome?: string;
    readonly committedTime?: string;
    readonly failure?: { readonly reason: string };
    readonly workloads?: readonly { readonly name: string; readonly state: string }[];
    readonly backup?: { readonly digest?: string };
  };
  readonly steps?: readonly Step[];
  readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason: string }[];
}

interface Step {
  readonly name: string;
  readonly state?: string;
  readonly tries?: number;
  readonly job?: { readonly uid?: string };
}

/** Counts the writes of one operator, in the order in which they came. */
export class WriteLog {
  readonly #counts = new Map<string, number>();
  #step = 'Begin';

  /** Undefined for what does not count. `path` may have a query. */
  add(method: string, path: string, body: string): Write | undefined {
    const asked = askedOf(method, path, body);
    if (asked === undefined) return undefined;
    if (asked.resource === 'databasemigrations/status') this.#step = stepOf(asked.body.status);
    const step = ownStepOf(asked) ?? this.#step;
    const what = whatOf(asked);
    const like = [step, `${asked.verb} ${asked.resource}`, what].filter(part => part !== '').join(' · ');
    const ordinal = (this.#counts.get(like) ?? 0) + 1;
    this.#counts.set(like, ordinal);
    const { verb, resource } = asked;
    const write = { step, verb, resource, what, ordinal, like };
    return write;
  }
}

function askedOf(method: string, path: string, body: string): Asked | undefined {
  const verb = VERBS[method];
  const [, plural = '', name = '', subresource] = PATH.exec(path.replace(/\?.*/, '')) ?? [];
  if (verb === undefined || plural === 'events' || plural === 'leases') return undefined;
  const resource = subresource === undefined ? plural : `${plural}/${subresource}`;
  return { verb, resource, name, body: (body === '' ? {} : JSON.parse(body)) as Body };
}

function stepOf(status: Status | undefined): string {
  const run = status?.run;
  if (run === undefined) return 'Begin';
  if (run.outcome !== undefined) return 'Finish';
  return run.steps?.at(-1)?.name ?? 'Begin';
}

/** Writes that come when they come, whatever step the run is in. */
function ownStepOf({ verb, resource, name, body }: Asked): string | undefined {
  if (resource === 'databasebackups/status') return 'BackUp';
  if (resource !== 'jobs') return undefined;
  const job = jobStepOf(name, body);
  if (job === 'backup') return 'BackUp';
  return verb === 'patch' ? 'HandOver' : undefined;
}

function jobStepOf(name: string, body: Body): string {
  const label = body.metadata?.labels?.['migrations.truledgr.app/step'];
  return label ?? /-(plan|backup|migrate|settle|validate)-[0-9a-f]{10}$/.exec(name)?.[1] ?? '';
}

function whatOf(asked: Asked): string {
  const { verb, resource, name, body } = asked;
  switch (resource) {
    case 'jobs':
      return verb === 'patch' ? `hand over ${jobStepOf(name, body)}` : jobStepOf(name, body);
    case 'databasemigrations':
      return `${body.metadata?.finalizers?.length ?? 0} finalizers`;
    case 'databasemigrations/status':
      return statusOfMigration(body.status ?? {});
    case 'databasebackups/status':
      return [reasonOf(body.status, 'Complete'), ...(body.status?.steps ?? []).map(stepText)].join('; ');
    case 'deployments':
    case 'statefulsets':
      return workloadText(body);
    case 'deployments/scale':
    case 'statefulsets/scale':
      return `to ${body.spec?.replicas}`;
    default:
      return '';
  }
}

function statusOfMigration(status: Status): string {
  const { run } = status;
  const parts = [
    reasonOf(status, 'Ready'),
    ...(run?.steps ?? []).filter(step => step.state !== 'Done').map(stepText),
    ...(run?.workloads ?? []).map(workload => `${workload.name} ${workload.state}`),
    ...(run?.backup === undefined ? [] : [run.backup.digest === undefined ? 'backup asked' : 'backup latched']),
    ...(run?.failure === undefined ? [] : [`failure ${run.failure.reason}`]),
    ...(run?.outcome === undefined ? [] : [`outcome ${run.outcome}`]),
  ];
  return parts.join('; ');
}

function stepText({ name, state = 'Active', tries = 0, job }: Step): string {
  const seen = job === undefined ? '' : job.uid === undefined ? ', named' : ', seen';
  return `${name} ${state}${tries > 1 ? ` ${tries}` : ''}${seen}`;
}

function reasonOf(status: Status | undefined, type: string): string {
  return `${type}=${status?.conditions?.find(condition => condition.type === type)?.reason ?? 'none'}`;
}

function workloadText(body: Body): string {
  if (body.spec?.template !== undefined) return 'restart';
  return Object.values(body.metadata?.annotations ?? {}).includes(null) ? 'unmark' : 'mark';
}
