// The definitions of our kinds, as text: what a strict API server would refuse (Helm applies server-side) is known before one is
// started. A comma in a description without quotes is a second key, for example.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';

type Tree = Readonly<Record<string, unknown>>;

/** https://kubernetes.io/docs/reference/kubernetes-api/extend-resources/custom-resource-definition-v1/#JSONSchemaProps, those that we use. */
const WORDS = new Set([
  ...['type', 'description', 'properties', 'items', 'required', 'default', 'enum', 'format', 'pattern', 'anyOf'],
  ...['minimum', 'maximum', 'minItems', 'maxItems', 'minLength', 'maxLength', 'minProperties', 'maxProperties'],
  ...['additionalProperties', 'x-kubernetes-validations', 'x-kubernetes-list-type', 'x-kubernetes-list-map-keys'],
  ...['x-kubernetes-map-type', 'x-kubernetes-int-or-string', 'x-kubernetes-preserve-unknown-fields'],
]);

/** Every word of a schema that is none, with its place. */
function unknownWords(schema: unknown, place: string): readonly string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const { properties = {}, items, additionalProperties } = schema as Tree;
  return [
    ...Object.keys(schema).flatMap(word => (WORDS.has(word) ? [] : [`${place}: ${word}`])),
    ...Object.entries(properties as Tree).flatMap(([name, inner]) => unknownWords(inner, `${place}.${name}`)),
    ...unknownWords(items, `${place}[]`),
    ...unknownWords(additionalProperties, `${place}.*`),
  ];
}

const CRDS = join(import.meta.dirname, '../../../crds');

for (const file of globSync(join(CRDS, '*.yaml'))) {
  test(`${basename(file)} has only words of a schema in its schema`, () => {
    const { spec } = parse(readFileSync(file, 'utf8')) as {
      spec: { versions: { schema: { openAPIV3Schema: Tree } }[] };
    };
    const schemas = spec.versions.map(version => version.schema.openAPIV3Schema);
    assert.ok(schemas.length > 0);
    assert.deepEqual(
      schemas.flatMap(schema => unknownWords(schema, '')),
      [],
    );
  });
}
