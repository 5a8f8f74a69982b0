// Reads from one parsed statement what it takes away: tables, columns, types, whole schemas, narrowed types; or that it
// changes rows in a way that nobody can count beforehand. Pure, and on the safe side: what is not known to lose nothing
// (harmless.ts) may lose data. Called by loss-counter.ts for the statements of a down.

import {
  calledFunctions,
  childOf,
  childrenOf,
  isSet,
  isTree,
  listedName,
  type Node,
  nodeOf,
  type QualifiedName,
  relationName,
  stringOf,
  type Tree,
} from '../sql/tree.ts';
import { HARMLESS, HARMLESS_ALTERATIONS, STORED, STORED_ALTERATIONS } from './harmless.ts';

export type Drop =
  | {
      readonly kind: 'Object';
      readonly of: 'relation' | 'type' | 'schema' | 'extension';
      readonly name: QualifiedName;
      readonly ifExists: boolean;
    }
  | { readonly kind: 'Column'; readonly table: QualifiedName; readonly column: string; readonly ifExists: boolean }
  /** `type`: undefined when it cannot be written from the tree or another USING than a cast to it decides. */
  | {
      readonly kind: 'Retype';
      readonly table: QualifiedName;
      readonly column: string;
      readonly type: WrittenType | undefined;
    }
  /** The sequence behind a column that stays. */
  | { readonly kind: 'Identity'; readonly table: QualifiedName; readonly column: string }
  /** What the view holds is made anew. */
  | { readonly kind: 'Refresh'; readonly view: QualifiedName }
  /** Adds rows, which is no loss unless triggers or rules of the table make one of it. */
  | { readonly kind: 'Inserts'; readonly table: QualifiedName }
  /** Calls functions that may be anybody's: loss-counter.ts looks whether they are PostgreSQL's own. */
  | { readonly kind: 'Calls'; readonly functions: readonly string[] }
  | { readonly kind: 'Uncountable' };

/** A type as a statement names it. */
export interface WrittenType {
  readonly name: QualifiedName;
  readonly modifiers: readonly number[];
  readonly isArray: boolean;
}

const UNCOUNTABLE: Drop = { kind: 'Uncountable' };

const RELATIONS = new Set([
  'OBJECT_TABLE',
  'OBJECT_VIEW',
  'OBJECT_MATVIEW',
  'OBJECT_FOREIGN_TABLE',
  'OBJECT_SEQUENCE',
  'OBJECT_INDEX',
]);

/** Everything that the statement takes away; empty when it takes nothing. What is not known to be harmless is not. */
export function dropsOf(node: Node): readonly Drop[] {
  const { type, fields } = node;
  if (STORED.has(type)) return [];
  if (changesRows(type, fields)) return [UNCOUNTABLE];
  if (type === 'DropStmt') return dropped(fields);
  if (type === 'AlterTableStmt') return altered(fields);
  if (type === 'AlterSeqStmt') return restarts(fields) ? [UNCOUNTABLE] : [];
  if (type === 'InsertStmt') {
    return [{ kind: 'Inserts', table: relationName(childOf(fields, 'relation')) }, ...callsIn(fields)];
  }
  if (type === 'RefreshMatViewStmt') return [{ kind: 'Refresh', view: relationName(childOf(fields, 'relation')) }];
  return HARMLESS.has(type) ? callsIn(fields) : [UNCOUNTABLE];
}

function callsIn(value: unknown): readonly Drop[] {
  const functions = [...calledFunctions(value)];
  return functions.length === 0 ? [] : [{ kind: 'Calls', functions }];
}

function restarts(fields: Tree): boolean {
  return childrenOf(fields, 'options').some(option => stringOf(option.fields, 'defname') === 'restart');
}

const ATTACHING = new Set(['AT_AttachPartition', 'AT_AddInherit', 'AT_AddOf']);

/**
 * Names that stand for something else after the statement than before it: given by a rename or SET SCHEMA, or those of
 * tables and types with which more goes from now on. A column's is `table.column`.
 */
export function namesChangedBy({ type, fields }: Node): readonly string[] {
  if (type === 'RenameStmt') {
    const name = stringOf(fields, 'newname');
    if (stringOf(fields, 'renameType') !== 'OBJECT_COLUMN') return [name];
    return [`${relationName(childOf(fields, 'relation')).name}.${name}`];
  }
  if (type === 'AlterObjectSchemaStmt') {
    const { name } = relationName(childOf(fields, 'relation'));
    return [name, stringOf(fields, 'newschema'), ...namesIn(fields.object)].filter(one => one !== '');
  }
  if (type === 'AlterSeqStmt') {
    // OWNED BY: from now on the sequence goes with the column.
    const owner = childrenOf(fields, 'options').find(option => stringOf(option.fields, 'defname') === 'owned_by');
    return owner === undefined ? [] : [relationName(childOf(fields, 'sequence')).name, ...namesIn(owner.fields.arg)];
  }
  if (type !== 'AlterTableStmt') return [];
  const commands = childrenOf(fields, 'cmds').map(command => command.fields);
  // From now on the column goes with its new type, and with that one's schema and extension.
  const types = commands
    .filter(command => stringOf(command, 'subtype') === 'AT_AlterColumnType')
    .flatMap(command => namesIn(childOf(nodeOf(command.def).fields, 'typeName').names))
    .filter(name => name !== 'pg_catalog');
  const attaching = commands.filter(command => ATTACHING.has(stringOf(command, 'subtype')));
  if (attaching.length === 0) return types;
  const attached = attaching.flatMap(command => namesIn(command.def));
  return [relationName(childOf(fields, 'relation')).name, ...attached, ...types];
}

/** In place of the names of whatever a schema or an extension has. */
export const ANY_NAME = '';

const LEAVING = new Set([...RELATIONS, 'OBJECT_TYPE', 'OBJECT_DOMAIN']);

/**
 * Names that find what stands further on in the search path, once what they find now has another or may not be seen.
 * A single object that is dropped is looked at when its turn comes.
 */
export function namesLeftBy({ type, fields }: Node): readonly string[] {
  const kind = kindOf({ type, fields });
  if (kind === 'OBJECT_SCHEMA' || kind === 'OBJECT_EXTENSION') return [ANY_NAME];
  return type === 'RenameStmt' && LEAVING.has(kind) ? namesIn([fields.relation, fields.object]) : [];
}

/** What kind of object a statement renames, moves, drops, or grants rights on; empty for every other one. */
export function kindOf({ type, fields }: Node): string {
  const field = KIND_IN[type];
  return field === undefined ? '' : stringOf(fields, field);
}

const KIND_IN: Readonly<Record<string, string>> = {
  RenameStmt: 'renameType',
  AlterObjectSchemaStmt: 'objectType',
  DropStmt: 'removeType',
  GrantStmt: 'objtype',
};

/** What a drop names; undefined where it names nothing. */
export function namedBy(drop: Drop): QualifiedName | undefined {
  if (drop.kind === 'Calls' || drop.kind === 'Uncountable') return undefined;
  return drop.kind === 'Object' ? drop.name : drop.kind === 'Refresh' ? drop.view : drop.table;
}

/** Whether what the drop names may be something else by then than what its name finds now. */
export function isNamedIn(drop: Drop, changed: ReadonlySet<string>): boolean {
  const named = namedBy(drop);
  if (named === undefined) return false;
  const { schema, name } = named;
  const isColumn = 'column' in drop && changed.has(`${name}.${drop.column}`);
  return isColumn || changed.has(name) || (schema !== undefined && changed.has(schema));
}

/** A name as SQL. */
export const nameSql = ({ schema, name }: QualifiedName) =>
  schema === undefined ? quotedName(name) : `${quotedName(schema)}.${quotedName(name)}`;

/** Every name below a node. */
export function namesIn(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(namesIn);
  if (!isTree(value)) return [];
  const own = [stringOf(value, 'sval'), stringOf(value, 'relname')].filter(name => name !== '');
  return [...own, ...Object.values(value).flatMap(namesIn)];
}

const CHANGING = new Set(['UpdateStmt', 'DeleteStmt', 'MergeStmt', 'TruncateStmt']);

function changesRows(type: string, value: unknown): boolean {
  if (CHANGING.has(type)) return true;
  if (Array.isArray(value)) return value.some(item => changesRows('', item));
  if (!isTree(value)) return false;
  if (stringOf(value, 'action') === 'ONCONFLICT_UPDATE') return true;
  return Object.entries(value).some(([key, inner]) => changesRows(key, inner));
}

function dropped(fields: Tree): readonly Drop[] {
  const of = stringOf(fields, 'removeType');
  const ifExists = isSet(fields, 'missing_ok');
  const objects = childrenOf(fields, 'objects');
  const each = (what: 'relation' | 'type' | 'schema' | 'extension', nameOf: (object: Node) => QualifiedName) =>
    objects.map(object => ({ kind: 'Object', of: what, name: nameOf(object), ifExists }) as const);
  if (RELATIONS.has(of)) return each('relation', object => listedName(childrenOf(object.fields, 'items')));
  if (of === 'OBJECT_TYPE' || of === 'OBJECT_DOMAIN') {
    return each('type', object => listedName(childrenOf(object.fields, 'names')));
  }
  const plain = (object: Node) => ({ schema: undefined, name: stringOf(object.fields, 'sval') });
  if (of === 'OBJECT_SCHEMA') return each('schema', plain);
  if (of === 'OBJECT_EXTENSION') return each('extension', plain);
  return stringOf(fields, 'behavior') === 'DROP_CASCADE' ? [UNCOUNTABLE] : [];
}

function altered(fields: Tree): readonly Drop[] {
  const table = relationName(childOf(fields, 'relation'));
  const commands = childrenOf(fields, 'cmds').map(command => command.fields);
  const isOfType = stringOf(fields, 'objtype') === 'OBJECT_TYPE';
  return commands.flatMap((command): readonly Drop[] => {
    const subtype = stringOf(command, 'subtype');
    const column = stringOf(command, 'name');
    const isChange = subtype === 'AT_DropColumn' || subtype === 'AT_AlterColumnType';
    if (isOfType && isChange) return [UNCOUNTABLE];
    if (subtype === 'AT_DropColumn') {
      const ifExists = isSet(command, 'missing_ok') || isSet(fields, 'missing_ok');
      return [{ kind: 'Column', table, column, ifExists }];
    }
    if (subtype === 'AT_AlterColumnType') {
      const definition = nodeOf(command.def).fields;
      const isPlain = definition.raw_default === undefined || isOwnCast(definition, column);
      const type = isPlain ? writtenType(childOf(definition, 'typeName')) : undefined;
      return [{ kind: 'Retype', table, column, type }, ...callsIn(definition.raw_default)];
    }
    if (subtype === 'AT_DropIdentity') return [{ kind: 'Identity', table, column }];
    if (subtype === 'AT_SetIdentity' && JSON.stringify(command).includes('"restart"')) return [UNCOUNTABLE];
    if (!HARMLESS_ALTERATIONS.has(subtype)) return [UNCOUNTABLE];
    return STORED_ALTERATIONS.has(subtype) ? [] : callsIn(command.def);
  });
}

/** `TYPE bigint USING a::bigint` of the column `a`: how PostgreSQL casts, only asked for. */
function isOwnCast(definition: Tree, column: string): boolean {
  const cast = childOf(childOf(definition, 'raw_default'), 'TypeCast');
  const [field, ...more] = childrenOf(childOf(childOf(cast, 'arg'), 'ColumnRef'), 'fields');
  if (field === undefined || more.length > 0 || stringOf(field.fields, 'sval') !== column) return false;
  const [asked, wanted] = [childOf(cast, 'typeName'), childOf(definition, 'typeName')].map(writtenType);
  return asked !== undefined && JSON.stringify(asked) === JSON.stringify(wanted);
}

const quotedName = (name: string) => `"${name.replaceAll('"', '""')}"`;

/** Undefined when its modifiers are no plain numbers. */
export function writtenType(typeName: Tree): WrittenType | undefined {
  const name = listedName(childrenOf(typeName, 'names'));
  if (name.name === '' || name.name === 'interval') return undefined;
  const modifiers = childrenOf(typeName, 'typmods').map(node => childOf(node.fields, 'ival').ival ?? childZero(node));
  if (!modifiers.every(one => typeof one === 'number')) return undefined;
  return { name, modifiers, isArray: childrenOf(typeName, 'arrayBounds').length > 0 };
}

export function typeSql({ name, modifiers, isArray }: WrittenType): string {
  const suffix = modifiers.length === 0 ? '' : `(${modifiers.join(', ')})`;
  return `${nameSql(name)}${suffix}${isArray ? '[]' : ''}`;
}

/** The parser leaves a zero out: `{A_Const: {ival: {}}}`. */
function childZero(node: Node): number | undefined {
  return node.type === 'A_Const' && isTree(node.fields.ival) ? 0 : undefined;
}
