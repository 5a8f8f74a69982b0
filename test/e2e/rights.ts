// What the chart grants to the operator, to be compared with what it used.
import type { Kubernetes } from '../../examples/truledgr/demo/kubernetes.ts';
import { OPERATOR } from './names.ts';

interface Role {
  readonly metadata: { readonly name: string };
  readonly rules: readonly {
    readonly apiGroups: readonly string[];
    readonly resources: readonly string[];
    readonly verbs: readonly string[];
  }[];
}

/** `verb group/resource` for everything that a role of the release grants. */
export async function grantedRights(kubernetes: Kubernetes): Promise<readonly string[]> {
  const selector = `--selector=app.kubernetes.io/instance=${OPERATOR.name}`;
  const output = await kubernetes.kubectl(['get', 'clusterroles,roles', '--all-namespaces', selector, '--output=json']);
  const { items } = JSON.parse(output) as { readonly items: readonly Role[] };
  const rights = items.flatMap(({ rules }) =>
    rules.flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap(group =>
        resources.flatMap(resource => verbs.map(verb => `${verb} ${group === '' ? '' : `${group}/`}${resource}`)),
      ),
    ),
  );
  return [...new Set(rights)].sort();
}
