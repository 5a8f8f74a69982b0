// Reads the parse tree that libpg-query answers, which is JSON of PostgreSQL's own node structs. Pure, and tolerant: a
// field that is missing is the zero of its kind, as protobuf leaves it out. Called by classify.ts and effects' readers.

export type Tree = Readonly<Record<string, unknown>>;

/** A parsed statement: the node's type (`IndexStmt`) and its fields. */
export interface Node {
  readonly type: string;
  readonly fields: Tree;
}

export function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `{"IndexStmt": {…}}` as type and fields. */
export function nodeOf(value: unknown): Node {
  const [entry] = isTree(value) ? Object.entries(value) : [];
  if (entry === undefined || !isTree(entry[1])) return { type: 'Empty', fields: {} };
  return { type: entry[0], fields: entry[1] };
}

export function childOf(tree: Tree, field: string): Tree {
  const value = tree[field];
  return isTree(value) ? value : {};
}

export function childrenOf(tree: Tree, field: string): readonly Node[] {
  const value = tree[field];
  return Array.isArray(value) ? value.map(nodeOf) : [];
}

export function stringOf(tree: Tree, field: string): string {
  const value = tree[field];
  return typeof value === 'string' ? value : '';
}

export function isSet(tree: Tree, field: string): boolean {
  return tree[field] === true;
}

/** A name with an optional schema, as statements write it. */
export interface QualifiedName {
  readonly schema: string | undefined;
  readonly name: string;
}

/** A RangeVar's name. */
export function relationName(range: Tree): QualifiedName {
  return { schema: stringOf(range, 'schemaname') || undefined, name: stringOf(range, 'relname') };
}

/** A name written as a list of strings (`DROP INDEX a.b`, `ALTER TYPE a.b`). */
export function listedName(nodes: readonly Node[]): QualifiedName {
  const parts = nodes.map(node => stringOf(node.fields, 'sval'));
  return { schema: parts.length > 1 ? parts.at(-2) : undefined, name: parts.at(-1) ?? '' };
}

/** Whether an option list (`WITH (…)`, `REINDEX (…)`) has the option switched on. */
export function hasOption(options: readonly Node[], name: string): boolean {
  const found = options.find(option => stringOf(option.fields, 'defname') === name);
  return found !== undefined && !isOff(found.fields.arg);
}

/** Whether an option list has the option switched off in so many words. */
export function hasOptionOff(options: readonly Node[], name: string): boolean {
  const found = options.find(option => stringOf(option.fields, 'defname') === name);
  return found !== undefined && isOff(found.fields.arg);
}

function isOff(argument: unknown): boolean {
  const { type, fields } = nodeOf(argument);
  if (type === 'Boolean') return fields.boolval !== true;
  if (type === 'Integer') return (fields.ival ?? 0) === 0;
  return ['false', 'off', 'no', '0'].includes(stringOf(fields, 'sval').toLowerCase());
}

/** Last parts of the names of all functions called anywhere in the tree. */
export function calledFunctions(value: unknown, found: Set<string> = new Set()): ReadonlySet<string> {
  if (Array.isArray(value)) for (const item of value) calledFunctions(item, found);
  else if (isTree(value)) {
    for (const [key, inner] of Object.entries(value)) {
      if (key === 'FuncCall' && isTree(inner)) found.add(listedName(childrenOf(inner, 'funcname')).name);
      calledFunctions(inner, found);
    }
  }
  return found;
}
