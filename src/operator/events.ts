// Events: one for each thing that happened, written after the status that says so. Losing one is no harm, so a failure
// to write one is logged and forgotten.
import { createHash } from 'node:crypto';
import { API_VERSION } from '../api/names.ts';
import type { Api } from '../kubernetes/api.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';
import { EVENTS } from '../kubernetes/resources.ts';
import type { Logger } from './controller/collaborators.ts';
import type { EventNote } from './migration/actions.ts';

export async function tellEvents(
  api: Api,
  logger: Logger,
  kind: string,
  object: KubernetesObject,
  notes: readonly EventNote[],
  now: string,
): Promise<void> {
  for (const note of notes) {
    try {
      await api.create(EVENTS, object.metadata?.namespace, eventOf(kind, object, note, now));
    } catch (error) {
      logger.warn('an event was not written', {
        reason: note.reason,
        error: error instanceof Error ? error.message : String(error),
      });
    }
  }
}

function eventOf(kind: string, object: KubernetesObject, note: EventNote, now: string) {
  const { name = '', namespace = '', uid = '', resourceVersion = '' } = object.metadata ?? {};
  const hash = createHash('sha256')
    .update(JSON.stringify([uid, resourceVersion, note]))
    .digest('hex')
    .slice(0, 16);
  return {
    metadata: { name: `${(note.workload?.name ?? name).slice(0, 200)}.${hash}`, namespace },
    involvedObject:
      note.workload === undefined
        ? { apiVersion: API_VERSION, kind, name, namespace, uid, resourceVersion }
        : { apiVersion: 'apps/v1', ...note.workload, namespace },
    type: note.type,
    reason: note.reason,
    message: note.message,
    source: { component: 'migration-operator' },
    reportingComponent: 'migration-operator',
    reportingInstance: '',
    firstTimestamp: now,
    lastTimestamp: now,
    count: 1,
  };
}
