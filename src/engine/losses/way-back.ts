// What going the other way again gives to a column that goes: read from the statements that add it, never from the column as
// it is. Its default of today may have been set long after it got its values, by a script or by hand. Pure, and on the safe
// side: what these statements do not prove is not given. Called by loss-counter.ts.
import { parsedNodes } from '../sql/parse-trees.ts';
import type { Script } from '../sql/script.ts';
import {
  childOf,
  childrenOf,
  listedName,
  type Node,
  nodeOf,
  type QualifiedName,
  relationName,
  stringOf,
  type Tree,
} from '../sql/tree.ts';
import { type Drop, dropsOf, isNamedIn, namesChangedBy, typeSql, type WrittenType, writtenType } from './drops.ts';
import { madeBy } from './made-relations.ts';
import { decidesValues } from './settings.ts';

/** `Anything`: some value, which cannot be told. `Unproven`: it is not known that the column is added at all. */
export type Given =
  | { readonly kind: 'Constant'; readonly sql: string }
  | { readonly kind: 'Null' | 'Anything' | 'Unproven' };

export interface Added {
  readonly given: Given;
  /** Without it the name may mean a table of another schema. */
  readonly hasSchema: 'WithSchema' | 'WithoutSchema';
}

export class WayBack {
  readonly #scripts: readonly (Script | undefined)[];
  #parsed: readonly Node[] | 'Unknown' | undefined;

  /** Undefined where a version has no script for that way, or nobody has it any more. */
  constructor(scripts: readonly (Script | undefined)[]) {
    this.#scripts = scripts;
  }

  /** Parsed when first asked for: most downs drop no column. */
  get #nodes(): readonly Node[] {
    this.#parsed ??= parsed(this.#scripts);
    return this.#parsed === 'Unknown' ? [] : this.#parsed;
  }

  /** What else its statements do, by which rows may get other values than the column's own statement gives. */
  get effects(): readonly Drop[] {
    const settings = this.#nodes.some(decidesValues);
    return [...this.#nodes.flatMap(dropsOf), ...(settings ? [{ kind: 'Uncountable' } as const] : [])];
  }

  /** The statement that adds a column; undefined where there is none, or more than one, or names change hands on the way. */
  columnOf(table: QualifiedName, column: string): Added | undefined {
    const changed = new Set(this.#nodes.flatMap(namesChangedBy));
    const isMade = this.#nodes.some(node => madeBy(node) === table.name);
    if (isMade || isNamedIn({ kind: 'Column', table, column, ifExists: false }, changed)) return undefined;
    const commands = this.#nodes.flatMap(node => commandsOn(node, table));
    const adding = commands.filter(({ command }) => definitionOf(command, column) !== undefined);
    const [added] = adding;
    if (added === undefined || adding.length > 1) return undefined;
    const isRetouched = commands.some(
      ({ command }) => stringOf(command, 'name') === column && RETOUCHING.has(stringOf(command, 'subtype')),
    );
    const given = isRetouched ? ANYTHING : givenBy(definitionOf(added.command, column) ?? {});
    return { given, hasSchema: added.named.schema === undefined ? 'WithoutSchema' : 'WithSchema' };
  }
}

const ANYTHING: Given = { kind: 'Anything' };

const RETOUCHING = new Set(['AT_DropColumn', 'AT_AlterColumnType', 'AT_SetExpression', 'AT_DropExpression']);

/** One that nobody can parse is as unknown as one that is not there. */
function parsed(scripts: readonly (Script | undefined)[]): readonly Node[] | 'Unknown' {
  const nodes: Node[] = [];
  for (const script of scripts) {
    const own = script === undefined ? undefined : parsedNodes(script.text);
    if (own === undefined) return 'Unknown';
    nodes.push(...own);
  }
  return nodes;
}

interface Command {
  readonly named: QualifiedName;
  readonly command: Tree;
}

function commandsOn({ type, fields }: Node, { schema, name }: QualifiedName): readonly Command[] {
  const named = relationName(childOf(fields, 'relation'));
  const isIt = named.name === name && (named.schema === undefined || named.schema === schema);
  if (type !== 'AlterTableStmt' || !isIt) return [];
  return childrenOf(fields, 'cmds').map(({ fields: command }) => ({ named, command }));
}

/** Of the column that a command adds. */
function definitionOf(command: Tree, column: string): Tree | undefined {
  const definition = nodeOf(command.def).fields;
  const isIt = stringOf(command, 'subtype') === 'AT_AddColumn' && stringOf(definition, 'colname') === column;
  return isIt ? definition : undefined;
}

const GIVING = new Set(['CONSTR_DEFAULT', 'CONSTR_IDENTITY', 'CONSTR_GENERATED']);

function givenBy(definition: Tree): Given {
  const typeName = childOf(definition, 'typeName');
  if (/serial/.test(listedName(childrenOf(typeName, 'names')).name)) return ANYTHING;
  const giving = childrenOf(definition, 'constraints').find(({ fields }) => GIVING.has(stringOf(fields, 'contype')));
  if (giving === undefined) return { kind: 'Null' };
  const expression = nodeOf(giving.fields.raw_expr);
  if (expression.type === 'A_Const' && expression.fields.isnull === true) return { kind: 'Null' };
  const sql = constantSql(expression, writtenType(typeName));
  return sql === undefined ? ANYTHING : { kind: 'Constant', sql };
}

/** They mean another time whenever they are read. */
const CHANGING_WORDS = /^\s*(now|today|tomorrow|yesterday)\b/i;

/**
 * Literals, arrays and casts of them: the same for every row and at any time. Undefined for all else. A cast to the column's own
 * type is left out: the value gets that type anyway, and its name may mean nothing outside the script's search path.
 */
function constantSql({ type, fields }: Node, own?: WrittenType): string | undefined {
  if (type === 'A_Const') return literalSql(fields);
  if (type === 'TypeCast') {
    const typeName = childOf(fields, 'typeName');
    if (isCastTo(own, typeName)) return constantSql(nodeOf(fields.arg), own);
    const [inner, cast] = [constantSql(nodeOf(fields.arg)), castSql(typeName)];
    return inner === undefined || cast === undefined ? undefined : `(${inner})::${cast}`;
  }
  if (type !== 'A_ArrayExpr') return undefined;
  const ofElement = own?.isArray ? { ...own, isArray: false } : undefined;
  const elements = childrenOf(fields, 'elements').map(element => constantSql(element, ofElement));
  return elements.includes(undefined) ? undefined : `ARRAY[${elements.join(', ')}]`;
}

/** By a name without a schema, which means the same twice in one statement. One without modifiers takes nothing away. */
function isCastTo(own: WrittenType | undefined, typeName: Tree): boolean {
  const cast = writtenType(typeName);
  if (own === undefined || cast === undefined || cast.isArray !== own.isArray) return false;
  const isBare = cast.modifiers.length === 0 || String(cast.modifiers) === String(own.modifiers);
  const hasSchema = own.name.schema !== undefined || cast.name.schema !== undefined;
  return isBare && !hasSchema && cast.name.name === own.name.name;
}

/** An interval of some fields only is more than its name. */
function castSql(typeName: Tree): string | undefined {
  const { schema, name } = listedName(childrenOf(typeName, 'names'));
  const isInterval = schema === 'pg_catalog' && name === 'interval';
  const isPlain = childrenOf(typeName, 'typmods').length === 0 && childrenOf(typeName, 'arrayBounds').length === 0;
  if (isInterval && isPlain) return 'pg_catalog.interval';
  const written = writtenType(typeName);
  return written === undefined ? undefined : typeSql(written);
}

function literalSql(fields: Tree): string | undefined {
  if (fields.isnull === true) return 'NULL';
  if (fields.ival !== undefined) return String(childOf(fields, 'ival').ival ?? 0);
  if (fields.boolval !== undefined) return String(childOf(fields, 'boolval').boolval === true);
  if (fields.fval !== undefined) return stringOf(childOf(fields, 'fval'), 'fval');
  if (fields.bsval !== undefined) return bitsSql(stringOf(childOf(fields, 'bsval'), 'bsval'));
  if (fields.sval === undefined) return undefined;
  const text = stringOf(childOf(fields, 'sval'), 'sval');
  return CHANGING_WORDS.test(text) ? undefined : `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}

/** The parser writes B'101' as b101, X'1F' as x1F, and looks at no digit. */
function bitsSql(bits: string): string | undefined {
  return /^[bx][0-9a-f]*$/i.test(bits) ? `${bits.charAt(0)}'${bits.slice(1)}'` : undefined;
}
