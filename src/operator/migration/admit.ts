// Admit: does the spec make sense here? Is the database ours to migrate, is everything there that it names? What time
// may heal waits; a contradiction is for a person.
import type { Turn } from './turn.ts';

export function admit(t: Turn): 'Admitted' | 'Waiting' {
  const { rivals, sources, resource } = t.world;
  if (rivals.length > 0) {
    t.observeGeneration();
    const { name, key } = t.spec.database.urlSecretRef;
    t.stalled(
      'ClaimedByOther',
      `DatabaseMigration ${rivals.join(', ')} is older and names the same Secret ${name}, key ${key} and ledger schema ${t.spec.database.ledgerSchema}: one database belongs to one resource. Delete one of them, or name another database in spec.database.urlSecretRef.`,
    );
    return 'Waiting';
  }
  const missing = sources.filter(source => source.found === undefined);
  if (missing.length > 0) {
    t.observeGeneration();
    const near = [...new Set(missing.flatMap(source => source.near ?? []))].slice(0, 3);
    const meant = near.length > 0 ? ` Did you mean ${near.join(', ')}?` : '';
    t.reconciling(
      'WaitingForSource',
      `There is no ConfigMap ${missing.map(source => source.name).join(', ')} in namespace ${resource.namespace}.${meant} Create it, or mend spec.source.configMapRefs; it goes on by itself.`,
    );
    return 'Waiting';
  }
  return 'Admitted';
}
