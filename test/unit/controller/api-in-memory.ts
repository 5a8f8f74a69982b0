// The few objects that an election needs, with resourceVersions as the API server keeps them.
import type { Api } from '../../../src/kubernetes/api.ts';
import { ApiError } from '../../../src/kubernetes/errors.ts';
import { type KubernetesObject, objectKey } from '../../../src/kubernetes/object.ts';

const nextVersion = (object: KubernetesObject): string => String(Number(object.metadata?.resourceVersion ?? 0) + 1);

const refuse = (status: number, reason: string): never => {
  throw new ApiError({ status, reason, message: reason, effect: 'None' });
};

/** `answer lost`: the write happens, and nobody hears of it. `hanging`: it happens, and the answer never comes. */
type Outage = 'none' | 'refused' | 'answer lost' | 'hanging';

export class ApiInMemory implements Api {
  readonly objects: Map<string, KubernetesObject>;
  /** `create Lease`, `replace Lease`: what was written. */
  readonly writes: string[] = [];
  #outage: Outage = 'none';

  /** With another one: the same objects by a way of its own, which may fail alone. */
  constructor(other?: ApiInMemory) {
    this.objects = other?.objects ?? new Map();
  }

  fail(outage: Outage): void {
    this.#outage = outage;
  }

  async get<T>(_resource: unknown, namespace: string | undefined, name: string): Promise<T | undefined> {
    if (this.#outage === 'refused') this.#noAnswer();
    return this.objects.get(`${namespace}/${name}`) as T | undefined;
  }

  async create<T>(resource: { kind: string }, _namespace: string | undefined, body: T): Promise<T> {
    if (this.objects.has(objectKey(body as KubernetesObject))) refuse(409, 'AlreadyExists');
    return this.#write('create', resource, body);
  }

  async replace<T>(resource: { kind: string }, body: T): Promise<T> {
    const object = body as KubernetesObject;
    const known = this.objects.get(objectKey(object)) ?? refuse(404, 'NotFound');
    if (known.metadata?.resourceVersion !== object.metadata?.resourceVersion) refuse(409, 'Conflict');
    return this.#write('replace', resource, body);
  }

  list(): never {
    throw new Error('not needed');
  }

  patch(): never {
    throw new Error('not needed');
  }

  async delete(): Promise<void> {}

  async #write<T>(verb: string, resource: { kind: string }, body: T): Promise<T> {
    if (this.#outage === 'refused') this.#noAnswer();
    const object = body as KubernetesObject;
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: nextVersion(object) } };
    this.objects.set(objectKey(object), stored);
    this.writes.push(`${verb} ${resource.kind}`);
    if (this.#outage === 'answer lost') this.#noAnswer();
    if (this.#outage === 'hanging') return new Promise<T>(() => {});
    return stored as T;
  }

  #noAnswer(): never {
    throw new ApiError({ status: 0, reason: 'NoAnswer', message: 'no answer', effect: 'Unknown' });
  }
}
