// Says of one parsed statement how it may be run: refused, in a transaction, or alone; how strongly it locks; and, where
// it must stand alone, by which effect in the catalogue it can be proven later. Pure. Called by statements.ts.
// Which statements PostgreSQL refuses in a transaction: every PreventInTransactionBlock in its source.
import {
  childOf,
  childrenOf,
  hasOption,
  hasOptionOff,
  isSet,
  isTree,
  listedName,
  type Node,
  nodeOf,
  type QualifiedName,
  relationName,
  stringOf,
  type Tree,
} from './tree.ts';

/** What a statement that stands alone leaves in the catalogue, and so how a crash in it is cleared up. */
export type Effect =
  | {
      readonly kind: 'IndexCreated';
      readonly table: QualifiedName;
      readonly index: string;
      readonly ifNotExists: boolean;
    }
  | { readonly kind: 'IndexesDropped'; readonly indexes: readonly QualifiedName[] }
  | {
      readonly kind: 'Reindexed';
      /** Of a database, or a schema, only the name. */
      readonly relation: QualifiedName;
      readonly of: 'index' | 'table' | 'schema' | 'database';
    }
  | { readonly kind: 'PartitionDetached'; readonly table: QualifiedName; readonly partition: QualifiedName }
  | { readonly kind: 'EnumValueAdded'; readonly type: QualifiedName; readonly value: string }
  | {
      readonly kind: 'Named';
      readonly catalogue: NamedCatalogue;
      readonly name: string;
      readonly after: 'Present' | 'Absent';
    }
  /** Doing it twice is the same as once. */
  | { readonly kind: 'Repeatable' }
  /** Nothing in the catalogue tells whether it was done. */
  | { readonly kind: 'Unprovable' };

export type NamedCatalogue = 'pg_database' | 'pg_tablespace' | 'pg_subscription';

/** `Alone`: outside any transaction. `Either`: alone under `-- migrate: no-transaction`, else in one. */
export type Placement =
  | { readonly place: 'Transaction' }
  | { readonly place: 'Either'; readonly effect: Effect }
  | { readonly place: 'Alone'; readonly effect: Effect };

/** `Rows`: waits for row locks only. `Table`: takes SHARE UPDATE EXCLUSIVE or more, and what queues behind it waits too. */
export type LockStrength = 'Rows' | 'Table';

/** Why a statement is not run at all. */
export interface Refusal {
  readonly what: string;
  readonly remedy: string;
}

const ROW_STATEMENTS = new Set([
  'SelectStmt',
  'InsertStmt',
  'UpdateStmt',
  'DeleteStmt',
  'MergeStmt',
  'CopyStmt',
  'ExplainStmt',
]);

export function lockStrengthOf(node: Node): LockStrength {
  return ROW_STATEMENTS.has(node.type) ? 'Rows' : 'Table';
}

const alone = (effect: Effect): Placement => ({ place: 'Alone', effect });
const inTransaction: Placement = { place: 'Transaction' };
const REPEATABLE: Effect = { kind: 'Repeatable' };
/** Of a partitioned table it must stand alone, and which table is one the text does not tell: the head of the file does. */
const EITHER_WAY: Placement = { place: 'Either', effect: REPEATABLE };

/** Where a statement may run. `DO` and `CALL` may end transactions of their own, which no catalogue shows. */
export function placementOf(node: Node): Placement {
  const { type, fields } = node;
  switch (type) {
    case 'IndexStmt':
      return isSet(fields, 'concurrent') ? alone(indexCreated(node)) : inTransaction;
    case 'DropStmt':
      return isSet(fields, 'concurrent') ? alone(indexesDropped(node)) : inTransaction;
    case 'ReindexStmt':
      return reindexPlacement(node);
    case 'AlterTableStmt':
      return detachPlacement(node);
    case 'AlterEnumStmt':
      return stringOf(fields, 'newVal') !== '' && stringOf(fields, 'oldVal') === ''
        ? { place: 'Either', effect: enumValueAdded(node) }
        : inTransaction;
    case 'DoStmt':
    case 'CallStmt':
      return { place: 'Either', effect: { kind: 'Unprovable' } };
    case 'VacuumStmt':
      return isSet(fields, 'is_vacuumcmd') ? alone(REPEATABLE) : inTransaction;
    case 'ClusterStmt':
      return fields.relation === undefined ? alone(REPEATABLE) : EITHER_WAY;
    case 'AlterSystemStmt':
      return alone(REPEATABLE);
    default:
      return clusterWidePlacement(node);
  }
}

function clusterWidePlacement({ type, fields }: Node): Placement {
  const named = (catalogue: NamedCatalogue, field: string, after: 'Present' | 'Absent') =>
    alone({ kind: 'Named', catalogue, name: stringOf(fields, field), after });
  switch (type) {
    case 'CreatedbStmt':
      return named('pg_database', 'dbname', 'Present');
    case 'DropdbStmt':
      return named('pg_database', 'dbname', 'Absent');
    case 'CreateTableSpaceStmt':
      return named('pg_tablespace', 'tablespacename', 'Present');
    case 'DropTableSpaceStmt':
      return named('pg_tablespace', 'tablespacename', 'Absent');
    case 'AlterDatabaseStmt':
      return hasOption(childrenOf(fields, 'options'), 'tablespace') ? alone(REPEATABLE) : inTransaction;
    case 'CreateSubscriptionStmt': {
      const options = childrenOf(fields, 'options');
      const makesNoSlot = hasOptionOff(options, 'create_slot') || hasOptionOff(options, 'connect');
      return makesNoSlot ? inTransaction : named('pg_subscription', 'subname', 'Present');
    }
    case 'DropSubscriptionStmt':
      return named('pg_subscription', 'subname', 'Absent');
    case 'AlterSubscriptionStmt':
      return /REFRESH|PUBLICATION/.test(stringOf(fields, 'kind')) || changesSlot(childrenOf(fields, 'options'))
        ? alone(REPEATABLE)
        : inTransaction;
    default:
      return inTransaction;
  }
}

/** Of a subscription: what its publisher's slot is told at once. */
const changesSlot = (options: readonly Node[]) =>
  options.some(option => ['failover', 'two_phase'].includes(stringOf(option.fields, 'defname')));

function indexCreated({ fields }: Node): Effect {
  const table = relationName(childOf(fields, 'relation'));
  return {
    kind: 'IndexCreated',
    table,
    index: stringOf(fields, 'idxname'),
    ifNotExists: isSet(fields, 'if_not_exists'),
  };
}

function indexesDropped({ fields }: Node): Effect {
  const indexes = childrenOf(fields, 'objects').map(object => listedName(childrenOf(object.fields, 'items')));
  return { kind: 'IndexesDropped', indexes };
}

const REINDEXED: Readonly<Record<string, Extract<Effect, { kind: 'Reindexed' }>['of']>> = {
  REINDEX_OBJECT_INDEX: 'index',
  REINDEX_OBJECT_TABLE: 'table',
  REINDEX_OBJECT_SCHEMA: 'schema',
  REINDEX_OBJECT_DATABASE: 'database',
};

function reindexPlacement({ fields }: Node): Placement {
  const of = REINDEXED[stringOf(fields, 'kind')];
  const isConcurrent = hasOption(childrenOf(fields, 'params'), 'concurrently');
  if (of !== undefined && isConcurrent) {
    const name = { schema: undefined, name: stringOf(fields, 'name') };
    const relation = fields.relation === undefined ? name : relationName(childOf(fields, 'relation'));
    return alone({ kind: 'Reindexed', relation, of });
  }
  return of === 'index' || of === 'table' ? EITHER_WAY : alone(REPEATABLE);
}

function detachPlacement({ fields }: Node): Placement {
  for (const command of childrenOf(fields, 'cmds')) {
    const definition = nodeOf(command.fields.def).fields;
    if (stringOf(command.fields, 'subtype') === 'AT_DetachPartition' && isSet(definition, 'concurrent')) {
      const table = relationName(childOf(fields, 'relation'));
      return alone({ kind: 'PartitionDetached', table, partition: relationName(childOf(definition, 'name')) });
    }
  }
  return inTransaction;
}

function enumValueAdded({ fields }: Node): Effect {
  return {
    kind: 'EnumValueAdded',
    type: listedName(childrenOf(fields, 'typeName')),
    value: stringOf(fields, 'newVal'),
  };
}

const SAVEPOINTS = new Set(['TRANS_STMT_SAVEPOINT', 'TRANS_STMT_RELEASE', 'TRANS_STMT_ROLLBACK_TO']);
const OWN_CONTROL = 'Remove it: each migration runs in a transaction of its own, together with its row in the ledger.';

/**
 * Statements that would undo the engine's own protection; undefined when there is nothing against this one. `calls` are the
 * functions called anywhere in it.
 */
export function refusalOf(node: Node, calls: ReadonlySet<string>): Refusal | undefined {
  const { type, fields } = node;
  if (type === 'TransactionStmt' && !SAVEPOINTS.has(stringOf(fields, 'kind'))) {
    const kind = stringOf(fields, 'kind').replace('TRANS_STMT_', '').replaceAll('_', ' ');
    return { what: `the transaction control statement ${kind}`, remedy: OWN_CONTROL };
  }
  if (type === 'DiscardStmt')
    return { what: 'DISCARD', remedy: 'Remove it: it would end the session that holds the lock.' };
  if (type === 'VariableSetStmt' && stringOf(fields, 'name') === 'session_authorization') {
    return { what: 'SET SESSION AUTHORIZATION', remedy: 'Use "-- migrate: role=…" in the head of the file.' };
  }
  if (type === 'VariableSetStmt' && stringOf(fields, 'name') === 'standard_conforming_strings' && !isTurnedOn(fields)) {
    const what = 'SET standard_conforming_strings TO off';
    return { what, remedy: "Remove it, and write strings with backslash escapes as E'…'." };
  }
  if (
    type === 'CopyStmt' &&
    isSet(fields, 'is_from') &&
    !isSet(fields, 'is_program') &&
    fields.filename === undefined
  ) {
    return {
      what: 'COPY … FROM STDIN',
      remedy: 'Write the rows as INSERT statements; pg_dump does so with --inserts.',
    };
  }
  if (type === 'IndexStmt' && isSet(fields, 'concurrent') && stringOf(fields, 'idxname') === '') {
    const name = indexNameFor(node);
    const remedy = `Name it, for example ${name}: after a crash the index is found again by its name.`;
    return { what: 'CREATE INDEX CONCURRENTLY without a name', remedy };
  }
  const unlock = [...calls].find(name => name.startsWith('pg_advisory_unlock'));
  if (unlock !== undefined || unlocksInBody(node)) {
    const what = `a call of ${unlock ?? 'pg_advisory_unlock'}`;
    return { what, remedy: 'Remove it: the migration lock is held by this session. Use pg_advisory_xact_lock.' };
  }
  return undefined;
}

/** Why a statement is not run between BEGIN and COMMIT of its file; undefined where it may be. */
export function blockRefusalOf({ place }: Placement): Refusal | undefined {
  if (place !== 'Alone') return undefined;
  const what = 'a statement between BEGIN and COMMIT that PostgreSQL refuses in a transaction';
  return { what, remedy: 'Put it before the BEGIN or behind the COMMIT, or remove these two.' };
}

/** SET … TO on, as pg_dump writes it, or back to whatever it was. */
function isTurnedOn(fields: Tree): boolean {
  if (stringOf(fields, 'kind') !== 'VAR_SET_VALUE') return true;
  const constants = childrenOf(fields, 'args').map(({ fields: constant }) => constant);
  return constants.every(constant => {
    const text = stringOf(childOf(constant, 'sval'), 'sval').toLowerCase();
    return ['on', 'true', 'yes', 't', 'y', '1'].includes(text) || childOf(constant, 'ival').ival === 1;
  });
}

function unlocksInBody({ type, fields }: Node): boolean {
  return type === 'DoStmt' && JSON.stringify(fields.args ?? '').includes('pg_advisory_unlock');
}

function indexNameFor({ fields }: Node): string {
  const columns = childrenOf(fields, 'indexParams').map(column => stringOf(column.fields, 'name') || 'expr');
  return `${[relationName(childOf(fields, 'relation')).name, ...columns].join('_').slice(0, 58)}_idx`;
}

/** BEGIN or START TRANSACTION without options, as it may stand around a whole file. */
export function isPlainBegin({ type, fields }: Node): boolean {
  const kind = stringOf(fields, 'kind');
  const begins = kind === 'TRANS_STMT_BEGIN' || kind === 'TRANS_STMT_START';
  return type === 'TransactionStmt' && begins && childrenOf(fields, 'options').length === 0;
}

/** COMMIT or END without AND CHAIN. */
export function isPlainCommit({ type, fields }: Node): boolean {
  return type === 'TransactionStmt' && stringOf(fields, 'kind') === 'TRANS_STMT_COMMIT' && !isSet(fields, 'chain');
}

/** Whether the statement changes a setting that the engine manages itself from one statement to the next. */
export function setsLockTimeout({ type, fields }: Node): boolean {
  return type === 'VariableSetStmt' && isTree(fields) && stringOf(fields, 'name') === 'lock_timeout';
}

/** SET (but not SET LOCAL), RESET, and a bare `SELECT set_config(…)` as pg_dump writes it. */
export function isSessionSetting({ type, fields }: Node, calls: ReadonlySet<string>): boolean {
  if (type === 'VariableSetStmt') return !isSet(fields, 'is_local') && !stringOf(fields, 'kind').includes('MULTI');
  return type === 'SelectStmt' && fields.fromClause === undefined && calls.has('set_config');
}
