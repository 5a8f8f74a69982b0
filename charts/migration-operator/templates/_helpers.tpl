{{/* Names and labels that several templates share. */}}

{{- define "migration-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 53 | trimSuffix "-" -}}
{{- end -}}

{{/* The release's name, or both names when the release is not called after the chart. */}}
{{- define "migration-operator.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 53 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "migration-operator.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 53 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 53 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Cluster-scoped names carry the namespace: two releases in one cluster must not share a ClusterRole. */}}
{{- define "migration-operator.clusterName" -}}
{{- printf "%s:%s" .Release.Namespace (include "migration-operator.fullname" .) -}}
{{- end -}}

{{- define "migration-operator.serviceAccountName" -}}
{{- default (include "migration-operator.fullname" .) .Values.serviceAccount.name -}}
{{- end -}}

{{- define "migration-operator.image" -}}
{{- $tag := default (printf "%s-pg%v" .Chart.AppVersion .Values.postgresMajor) .Values.image.tag -}}
{{- printf "%s:%s" .Values.image.repository $tag -}}
{{- end -}}

{{- define "migration-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "migration-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "migration-operator.labels" -}}
{{ include "migration-operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{- include "migration-operator.checkLabels" (list "commonLabels" .) }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Takes [name of the value, labels]. By the chart's own labels Pods are selected and releases are told apart. */}}
{{- define "migration-operator.checkLabels" -}}
{{- $value := index . 0 -}}
{{- range $label, $_ := index . 1 -}}
{{- if or (hasPrefix "app.kubernetes.io/" $label) (eq $label "helm.sh/chart") -}}
{{- fail (printf "%s must not set %s: labels with app.kubernetes.io/ are the chart's own, and Pods are selected by them" $value $label) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Takes [root, further labels, further annotations]: both fields of an object's metadata. */}}
{{- define "migration-operator.meta" -}}
{{- $root := index . 0 -}}
labels:
  {{- include "migration-operator.labels" $root | nindent 2 }}
  {{- with index . 1 }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with merge (dict) (index . 2) $root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* The subject of every binding. */}}
{{- define "migration-operator.subjects" -}}
subjects:
  - kind: ServiceAccount
    name: {{ include "migration-operator.serviceAccountName" . }}
    namespace: {{ .Release.Namespace }}
{{- end -}}

{{/*
Everything the operator may do in a namespace that it works in: what it does, measured. The cluster tests read the API
server's audit log and fail on a request that is refused, and on a verb below that nothing used. It has no verb on Secrets
and no wildcard: Secrets are named in Jobs and read by their Pods only.
*/}}
{{- define "migration-operator.rules" -}}
# Its own kinds: finalizers are patched, status is replaced. Backups are also created, and deleted when they never came to
# be complete.
- apiGroups: [migrations.truledgr.app]
  resources: [databasemigrations]
  verbs: [get, list, watch, patch]
- apiGroups: [migrations.truledgr.app]
  resources: [databasebackups]
  verbs: [list, watch, create, delete]
- apiGroups: [migrations.truledgr.app]
  resources: [databasemigrations/status, databasebackups/status]
  verbs: [update]
# The Jobs that do the work, and their Pods; deleting Pods is for a StatefulSet that does not scale down.
- apiGroups: [batch]
  resources: [jobs]
  verbs: [list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch, delete]
# Migration files: names and versions of their ConfigMaps, to see that something changed. Their data is not asked for.
- apiGroups: [""]
  resources: [configmaps]
  verbs: [list, watch]
# The application: its marks are patched, its count goes through the scale subresource. Listed for names that are near
# a mistyped one.
- apiGroups: [apps]
  resources: [deployments, statefulsets]
  verbs: [get, list, patch]
- apiGroups: [apps]
  resources: [deployments/scale, statefulsets/scale]
  verbs: [patch]
# Whether KEDA scales it too. A HorizontalPodAutoscaler rests while its workload is at zero, so nobody asks for those.
- apiGroups: [keda.sh]
  resources: [scaledobjects]
  verbs: [list]
# Whether the namespace is about to go away; the uid of kube-system names the cluster.
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get]
# What it tells people.
- apiGroups: [""]
  resources: [events]
  # list: why a Job has no Pod.
  verbs: [create, list]
{{- end -}}
