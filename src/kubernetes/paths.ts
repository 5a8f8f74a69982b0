// The URL paths of the Kubernetes API. https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-uris
import type { Resource } from './object.ts';

/** `/apis/batch/v1/namespaces/shop/jobs`, or `/apis/batch/v1/jobs` for all namespaces. */
export function collectionPath(resource: Resource<unknown>, namespace: string | undefined): string {
  const root = resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
  if (resource.scope === 'Cluster' || namespace === undefined) return `${root}/${resource.plural}`;
  return `${root}/namespaces/${segment(namespace, 'namespace')}/${resource.plural}`;
}

/** One object, or a subresource of it. Throws when a name could not be a name: a path must not be steered by data. */
export function objectPath(
  resource: Resource<unknown>,
  namespace: string | undefined,
  name: string,
  subresource?: string,
): string {
  if (resource.scope === 'Namespaced' && namespace === undefined) {
    throw new Error(`${resource.kind} ${name} must have a namespace`);
  }
  const path = `${collectionPath(resource, namespace)}/${segment(name, 'name')}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}

function segment(value: string, what: string): string {
  if (!/^[a-z0-9]([a-z0-9.:_-]*[a-z0-9])?$/i.test(value) || value.includes('..')) {
    throw new Error(`the ${what} must be a Kubernetes name, not ${JSON.stringify(value)}`);
  }
  return encodeURIComponent(value);
}
