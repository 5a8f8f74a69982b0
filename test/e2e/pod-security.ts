// The restricted Pod Security Standard, as every namespace of these tests enforces it and every Pod of them meets it:
// https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
import { NAMESPACE_LABEL } from './names.ts';

export const ENFORCE_RESTRICTED = { 'pod-security.kubernetes.io/enforce': 'restricted' } as const;

export function restrictedNamespace(name: string): object {
  const labels = { [NAMESPACE_LABEL]: '', ...ENFORCE_RESTRICTED };
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
}

export const restrictedContainer = {
  securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
} as const;

export function restrictedPod(user: number): object {
  return {
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: user,
      runAsGroup: user,
      fsGroup: user,
      seccompProfile: { type: 'RuntimeDefault' },
    },
  };
}
