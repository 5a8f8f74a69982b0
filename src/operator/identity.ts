// Who owns a database: a name for one resource in one cluster that a recreated resource has again. The ledger
// remembers it, so that a second cluster or a second resource is refused.
import { createHash } from 'node:crypto';

/** 16 hex digits from the uid of the namespace kube-system, which stands for the cluster, and the resource's name. */
export function ownerOf(clusterUid: string, namespace: string, name: string): string {
  return createHash('sha256').update([clusterUid, namespace, name].join('\n')).digest('hex').slice(0, 16);
}
