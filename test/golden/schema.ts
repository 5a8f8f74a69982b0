// What the API server's structural schema says of a value: unknown fields, types, enums, lengths, counts, required fields
// and list-map keys. As much of OpenAPI as crds/*.yaml uses; defaults and CEL are not its business.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { isTree } from './merge.ts';

export interface Schema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly format?: string;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly maxItems?: number;
  readonly maxProperties?: number;
  readonly pattern?: string;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema;
  readonly items?: Schema;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
}

const CRDS = join(import.meta.dirname, '../../crds');

/** The schema of `spec` or `status` of a kind. */
export function schemaOf(crd: 'databasemigrations' | 'databasebackups', part: 'spec' | 'status'): Schema {
  const source = parse(readFileSync(join(CRDS, `${crd}.yaml`), 'utf8'));
  return source.spec.versions[0].schema.openAPIV3Schema.properties[part];
}

/** Everything that is wrong with a value, a line a mistake. */
export function mistakesIn(value: unknown, schema: Schema, path: string): readonly string[] {
  if (schema['x-kubernetes-int-or-string'] === true)
    return typeof value === 'string' || Number.isInteger(value) ? [] : [`${path} is neither a number nor a string`];
  if (schema.enum !== undefined && !schema.enum.includes(value)) return [`${path} is ${JSON.stringify(value)}`];
  switch (schema.type) {
    case 'object':
      return isTree(value) ? inObject(value, schema, path) : [`${path} is not an object`];
    case 'array':
      return Array.isArray(value) ? inList(value, schema, path) : [`${path} is not a list`];
    case 'string':
      return typeof value === 'string' ? inText(value, schema, path) : [`${path} is not a string`];
    case 'integer':
      return Number.isInteger(value) ? inNumber(Number(value), schema, path) : [`${path} is not a whole number`];
    case 'boolean':
      return typeof value === 'boolean' ? [] : [`${path} is not a boolean`];
    default:
      return [`${path}: the schema has the type ${schema.type}, which is not known here`];
  }
}

function inObject(value: Readonly<Record<string, unknown>>, schema: Schema, path: string): readonly string[] {
  const missing = (schema.required ?? [])
    .filter(key => value[key] === undefined)
    .map(key => `${path}.${key} is missing`);
  const { maxProperties = Number.POSITIVE_INFINITY } = schema;
  const tooMany = Object.keys(value).length > maxProperties ? [`${path} has too many fields`] : [];
  const inside = Object.entries(value).flatMap(([key, item]) => {
    const known = schema.properties?.[key] ?? schema.additionalProperties;
    if (known !== undefined) return mistakesIn(item, known, `${path}.${key}`);
    return schema['x-kubernetes-preserve-unknown-fields'] === true ? [] : [`${path}.${key} is not in the schema`];
  });
  return [...missing, ...tooMany, ...inside];
}

function inList(value: readonly unknown[], schema: Schema, path: string): readonly string[] {
  const { items, maxItems = Number.POSITIVE_INFINITY } = schema;
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const names = value.map(item => JSON.stringify(keys.map(key => (isTree(item) ? item[key] : undefined))));
  return [
    ...(value.length > maxItems ? [`${path} has ${value.length} items, ${maxItems} at most`] : []),
    ...(keys.length > 0 && new Set(names).size < names.length ? [`${path} has two items of one key`] : []),
    ...(items === undefined ? [] : value.flatMap((item, index) => mistakesIn(item, items, `${path}[${index}]`))),
  ];
}

function inText(value: string, schema: Schema, path: string): readonly string[] {
  const { minLength = 0, maxLength = Number.POSITIVE_INFINITY, pattern, format } = schema;
  return [
    ...(value.length > maxLength ? [`${path} has ${value.length} characters, ${maxLength} at most`] : []),
    ...(value.length < minLength ? [`${path} is shorter than ${minLength}`] : []),
    ...(pattern !== undefined && !new RegExp(pattern).test(value) ? [`${path} is "${value}"`] : []),
    ...(format === 'date-time' && !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(value)
      ? [`${path} is no time: ${value}`]
      : []),
  ];
}

function inNumber(value: number, schema: Schema, path: string): readonly string[] {
  const { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = schema;
  return value < minimum || value > maximum ? [`${path} is ${value}`] : [];
}
