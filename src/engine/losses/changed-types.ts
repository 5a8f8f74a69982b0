// Which names of types stand for something else once downs have run: those of what they make, rename, move, drop or alter, and of
// what is in schemas that are renamed or go. A column that gets such a type gets one that nobody can look at beforehand, even
// where the name finds one now. Pure. Called by loss-counter.ts.
import { childOf, childrenOf, listedName, type Node, type QualifiedName, stringOf } from '../sql/tree.ts';
import { kindOf, namesIn } from './drops.ts';
import { madeBy } from './made-relations.ts';

/** Where a statement names the type, or the relation with a type of its rows, that it makes or alters. */
const NAMED_IN: Readonly<Record<string, readonly string[]>> = {
  CompositeTypeStmt: ['typevar'],
  CreateEnumStmt: ['typeName'],
  CreateDomainStmt: ['domainname'],
  DefineStmt: ['defnames'],
  AlterDomainStmt: ['typeName'],
  AlterTypeStmt: ['typeName'],
  AlterEnumStmt: ['typeName'],
  AlterTableStmt: ['relation'],
  CreateCastStmt: ['sourcetype', 'targettype'],
};

/** Of what is renamed, moved or dropped, what a name of a type may find; a cast makes another value of one. */
const TYPES: ReadonlySet<string> = new Set([
  ...['OBJECT_TYPE', 'OBJECT_DOMAIN', 'OBJECT_ATTRIBUTE', 'OBJECT_CAST', 'OBJECT_TABLE', 'OBJECT_VIEW'],
  ...['OBJECT_MATVIEW', 'OBJECT_FOREIGN_TABLE'],
]);

/** They bring types, or take them, without a name of theirs. */
const BRINGING: ReadonlySet<string> = new Set(['CreateExtensionStmt', 'AlterExtensionStmt', 'ImportForeignSchemaStmt']);

export class ChangedTypes {
  readonly #names = new Set<string>();
  readonly #schemas = new Set<string>();
  /** Whether there may be types whose names nobody can tell. */
  #unnamed: 'None' | 'Some' = 'None';

  constructor(statements: Iterable<Node>) {
    for (const statement of statements) this.#note(statement);
  }

  #note(node: Node): void {
    const { type, fields } = node;
    const kind = kindOf(node);
    if (BRINGING.has(type) || kind === 'OBJECT_EXTENSION') this.#unnamed = 'Some';
    // In a new schema there is nothing but what the downs put there.
    if (type === 'CreateSchemaStmt') for (const element of childrenOf(fields, 'schemaElts')) this.#note(element);
    if (type === 'CreateRangeStmt') this.#noteRange(node);
    // A foreign table holds what it has in common with a table in a node of its own.
    const made = madeBy(
      type === 'CreateForeignTableStmt' ? { type: 'CreateStmt', fields: childOf(fields, 'base') } : node,
    );
    const named = (NAMED_IN[type] ?? []).flatMap(field => namesIn(fields[field]));
    for (const name of made === undefined ? named : [...named, made]) this.#names.add(name);
    const given = [fields.object, fields.objects, fields.relation].flatMap(namesIn);
    const all = [...given, stringOf(fields, 'subname'), stringOf(fields, 'newname')];
    const into = kind === 'OBJECT_SCHEMA' ? this.#schemas : TYPES.has(kind) ? this.#names : undefined;
    for (const name of all) if (name !== '') into?.add(name);
  }

  /** With its multirange, be it that this is named by the server. */
  #noteRange({ fields }: Node): void {
    const { name } = listedName(childrenOf(fields, 'typeName'));
    const given = childrenOf(fields, 'params').filter(
      param => stringOf(param.fields, 'defname') === 'multirange_type_name',
    );
    const multirange = name.includes('range') ? name.replace('range', 'multirange') : `${name}_multirange`;
    for (const one of [name, multirange, ...given.flatMap(param => namesIn(param.fields.arg))]) this.#names.add(one);
  }

  /** Whether a name may find another type by then than now, where it finds one of the schema `found`, or none. */
  mayConcern({ schema, name }: QualifiedName, found: string | undefined): boolean {
    // The type of an array has a name too: _price.
    if (this.#names.has(name) || this.#names.has(name.replace(/^_+/, ''))) return true;
    if (schema !== undefined) return this.#schemas.has(schema) || (this.#unnamed === 'Some' && schema !== SYSTEM);
    return found !== SYSTEM && (this.#schemas.size > 0 || this.#unnamed === 'Some');
  }
}

const SYSTEM = 'pg_catalog';
