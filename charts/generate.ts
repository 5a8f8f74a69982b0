// Makes the chart's CRD templates from crds/*.yaml, which stay the only source. They are templates and not files of the
// chart's crds/ folder because Helm never upgrades those; `helm.sh/resource-policy: keep` is what protects them, and
// with them every DatabaseMigration and the record of every backup, from `helm uninstall`.
// Called by generate.ts, which writes the files or complains that they are stale.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const CRDS = join(import.meta.dirname, '..', 'crds');
const TEMPLATES = 'charts/migration-operator/templates/crds';

interface ChartFile {
  /** From the root of the repository. */
  readonly path: string;
  readonly content: string;
}

/** One template for each CRD, in order of name. */
export function chartCrdTemplates(): readonly ChartFile[] {
  const files = readdirSync(CRDS).filter(name => name.endsWith('.yaml'));
  return files.sort().map(name => ({
    path: `${TEMPLATES}/${name}`,
    content: crdTemplate(name, readFileSync(join(CRDS, name), 'utf8')),
  }));
}

/** Works on text, so that the template reads like its source: order, folding and comments stay. */
function crdTemplate(name: string, source: string): string {
  const lines = escapeForHelm(source).trimEnd().split('\n');
  const metadata = lines.indexOf('metadata:');
  if (metadata < 0) throw new Error(`crds/${name} must have a line "metadata:"`);
  const taken = lines.find(line => line === '  annotations:' || line === '  labels:');
  if (taken !== undefined) throw new Error(`crds/${name} must not have "${taken.trim()}": the chart adds its own`);
  lines.splice(
    metadata + 1,
    0,
    '  annotations:',
    '    helm.sh/resource-policy: keep',
    '    {{- with .Values.commonAnnotations }}',
    '    {{- toYaml . | nindent 4 }}',
    '    {{- end }}',
    '  labels:',
    '    {{- include "migration-operator.labels" . | nindent 4 }}',
  );
  return [
    `{{- /* Generated from crds/${name} by \`npm run generate\`; do not edit. */ -}}`,
    '{{- if .Values.crds.install }}',
    ...lines,
    '{{- end }}',
    '',
  ].join('\n');
}

function escapeForHelm(text: string): string {
  return text.replaceAll('{{', '{{ "{{" }}');
}
