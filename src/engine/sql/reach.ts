// Which statements do something outside the database that they are run in: to the server's roles, settings, tablespaces and
// other databases, to its files, or to another server. On a copy they would change what the copy was made to spare, so they
// are left out there. Pure; what is hidden in functions and foreign tables cannot be seen. Called by statements.ts.
import { childOf, childrenOf, isSet, isTree, listedName, type Node, nodeOf, stringOf, type Tree } from './tree.ts';

export interface Reach {
  /** For a message: `CREATE ROLE`, `a call of dblink_exec`. */
  readonly what: string;
  /** The databases that it names: one that names the copied database never runs on the copy. */
  readonly databases: readonly string[];
}

/** What a copy is, to those who run migrations in it. */
export interface Trial {
  /** Name of the database that it stands for. */
  readonly of: string;
  /** `Disposable`: nothing on the server is worth sparing but that database. */
  readonly server: 'Shared' | 'Disposable';
}

/** Whether a statement is not run in this trial; undefined: no trial, and everything is run. */
export function isLeftOut(reach: Reach | undefined, trial: Trial | undefined): reach is Reach {
  if (reach === undefined || trial === undefined) return false;
  return trial.server === 'Shared' || reach.databases.includes(trial.of);
}

/** Node types that always reach beyond the database. */
const ALWAYS: Readonly<Record<string, string>> = {
  CreateRoleStmt: 'CREATE ROLE',
  AlterRoleStmt: 'ALTER ROLE',
  AlterRoleSetStmt: 'ALTER ROLE … SET',
  DropRoleStmt: 'DROP ROLE',
  GrantRoleStmt: 'GRANT or REVOKE of a role',
  ReassignOwnedStmt: 'REASSIGN OWNED',
  DropOwnedStmt: 'DROP OWNED',
  CreatedbStmt: 'CREATE DATABASE',
  DropdbStmt: 'DROP DATABASE',
  AlterDatabaseStmt: 'ALTER DATABASE',
  AlterDatabaseSetStmt: 'ALTER DATABASE … SET',
  AlterDatabaseRefreshCollStmt: 'ALTER DATABASE … REFRESH COLLATION VERSION',
  AlterSystemStmt: 'ALTER SYSTEM',
  CreateTableSpaceStmt: 'CREATE TABLESPACE',
  DropTableSpaceStmt: 'DROP TABLESPACE',
  AlterTableSpaceOptionsStmt: 'ALTER TABLESPACE',
  CreateSubscriptionStmt: 'CREATE SUBSCRIPTION',
  AlterSubscriptionStmt: 'ALTER SUBSCRIPTION',
  DropSubscriptionStmt: 'DROP SUBSCRIPTION',
};

/** Statements of which it depends on the object, and the field that says what kind of object that is. */
const BY_OBJECT: Readonly<Record<string, { readonly verb: string; readonly field: string }>> = {
  GrantStmt: { verb: 'GRANT or REVOKE', field: 'objtype' },
  CommentStmt: { verb: 'COMMENT', field: 'objtype' },
  SecLabelStmt: { verb: 'SECURITY LABEL', field: 'objtype' },
  AlterOwnerStmt: { verb: 'ALTER … OWNER', field: 'objectType' },
  RenameStmt: { verb: 'ALTER … RENAME', field: 'renameType' },
};

const SHARED_OBJECTS: Readonly<Record<string, string>> = {
  OBJECT_DATABASE: 'DATABASE',
  OBJECT_ROLE: 'ROLE',
  OBJECT_TABLESPACE: 'TABLESPACE',
  OBJECT_PARAMETER_ACL: 'PARAMETER',
  OBJECT_SUBSCRIPTION: 'SUBSCRIPTION',
};

/** Undefined: its effect stays in the database. `calls` are the functions called anywhere in it. */
export function reachOf(node: Node, calls: ReadonlySet<string>): Reach | undefined {
  const { type, fields } = node;
  const what = ALWAYS[type] ?? objectStatement(node) ?? otherStatement(node) ?? callBeyond(node, calls);
  if (what === undefined) return undefined;
  return Object.freeze({ what, databases: type === 'DoStmt' ? databasesInBody(bodyOf(fields)) : databasesOf(fields) });
}

function objectStatement({ type, fields }: Node): string | undefined {
  const statement = BY_OBJECT[type];
  const shared = statement === undefined ? undefined : SHARED_OBJECTS[stringOf(fields, statement.field)];
  return shared === undefined ? undefined : `${statement?.verb} ON ${shared}`;
}

function otherStatement({ type, fields }: Node): string | undefined {
  switch (type) {
    case 'CopyStmt':
      if (isSet(fields, 'is_program')) return 'COPY … PROGRAM';
      return !isSet(fields, 'is_from') && fields.filename !== undefined ? 'COPY … TO a file of the server' : undefined;
    case 'ReindexStmt':
      // Names the database, and is refused in every other one.
      return stringOf(fields, 'name') !== '' && /DATABASE|SYSTEM/.test(stringOf(fields, 'kind'))
        ? `REINDEX ${stringOf(fields, 'kind').replace('REINDEX_OBJECT_', '')}`
        : undefined;
    case 'DoStmt': {
      const said = beyondInBody(bodyOf(fields));
      return said === undefined ? undefined : `DO with ${said}`;
    }
    default:
      return undefined;
  }
}

/** Statements that run what they call; a view or a function that is only made calls nothing. */
const CALLING = new Set([
  'SelectStmt',
  'InsertStmt',
  'UpdateStmt',
  'DeleteStmt',
  'MergeStmt',
  'CallStmt',
  'CreateTableAsStmt',
  'ExplainStmt',
]);

const FUNCTION_NAMES = [
  'pg_(?:create|copy)_(?:physical|logical)_replication_slot|pg_drop_replication_slot|pg_replication_(?:slot_advance|origin_\\w+)',
  'pg_(?:reload_conf|rotate_logfile|switch_wal|create_restore_point|promote|(?:terminate|cancel)_backend|wal_replay_\\w+)',
  'pg_(?:backup_(?:start|stop)|(?:start|stop)_backup|file_(?:write|rename|unlink|sync))|lo_export|dblink\\w*',
].join('|');
const FUNCTIONS_BEYOND = new RegExp(`^(?:${FUNCTION_NAMES})$`);

function callBeyond({ type, fields }: Node, calls: ReadonlySet<string>): string | undefined {
  if (!CALLING.has(type)) return undefined;
  const called = listedName(childrenOf(childOf(fields, 'funccall'), 'funcname')).name;
  const found = [called, ...calls].find(name => FUNCTIONS_BEYOND.test(name));
  return found === undefined ? undefined : `a call of ${found}`;
}

function bodyOf(fields: Tree): string {
  const body = childrenOf(fields, 'args').find(one => stringOf(one.fields, 'defname') === 'as');
  return stringOf(nodeOf(body?.fields.arg).fields, 'sval');
}

/** A block's body is text to the grammar, and what it executes is text once more: words are looked for, comments left out. */
function beyondInBody(body: string): string | undefined {
  // A run of spaces is one: the patterns would try each place in it.
  const text = withoutComments(body).replaceAll(/\s+/g, ' ');
  const found =
    WORDS_BEYOND.map(words => words.exec(text)?.[0]).find(said => said !== undefined) ?? otherDatabase(text);
  return found?.trim().slice(0, 60).toUpperCase();
}

/** With a space for each. */
function withoutComments(body: string): string {
  const last = body.lastIndexOf('*/');
  const pieces: string[] = [];
  let from = 0;
  for (const { 0: mark, index } of body.matchAll(/--|\/\*/g)) {
    // Whether there is an end is asked once, not of each beginning.
    if (index < from || (mark === '/*' && index + 2 > last)) continue;
    pieces.push(body.slice(from, index));
    const end = mark === '/*' ? body.indexOf('*/', index + 2) + 2 : body.indexOf('\n', index);
    from = end < 0 ? body.length : end;
  }
  return [...pieces, body.slice(from)].join(' ');
}

const WORDS_BEYOND: readonly RegExp[] = [
  /\b(create|alter|drop)\s+(role|group|user(?!\s+mapping))\b/i,
  /\b(create|alter|drop)\s+(tablespace|subscription)\b/i,
  /\b(alter\s+system|drop\s+owned|reassign\s+owned)\b/i,
  /\bgrant\s+(?:(?!\bon\b|;)[\s\S])+?\bto\b/i,
  /\brevoke\s+(?:(?!\bon\b|;)[\s\S])+?\bfrom\b/i,
  /\b(grant|revoke)\b[^;]+?\bon\s+(tablespace|parameter)\b/i,
  /\b(comment|label)\s+on\s+(role|tablespace|subscription)\b/i,
  /\b(create|drop)\s+database\b/i,
  /\bcopy\s+[^;]+?\s(from|to)\s+program\b/i,
  /\bcopy\s+[^;]+?\sto\s+(?=E?'|%L)/i,
  new RegExp(`\\b(?:${FUNCTION_NAMES})\\s*\\(`, 'i'),
];

const OF_DATABASE = /\b(?:alter|on)\s+database\b/gi;
/** What may become the name of the database that the block is in, where it asks for that. */
const FILLED_IN = /^\s*"?(?:%|'\s*\|\|)/;

function otherDatabase(text: string): string | undefined {
  const own = /\bcurrent_database\b/i.test(text);
  const found = [...text.matchAll(OF_DATABASE)];
  return found.find(({ 0: said, index }) => !(own && FILLED_IN.test(text.slice(index + said.length))))?.[0];
}

/** That a block names, behind the word. */
function databasesInBody(body: string): readonly string[] {
  const found = withoutComments(body).matchAll(/\bdatabase\s+(?:"((?:[^"]|"")+)"|([\w$]+))/gi);
  return [...found].map(([, quoted, plain = '']) => quoted?.replaceAll('""', '"') ?? plain.toLowerCase());
}

function databasesOf(fields: Tree): readonly string[] {
  const named = (value: unknown): readonly string[] => {
    const { type, fields: inner } = isTree(value) ? nodeOf(value) : { type: '', fields: {} };
    return type === 'String' ? [stringOf(inner, 'sval')] : [];
  };
  const written = ['dbname', 'database', 'subname', 'name'].map(field => stringOf(fields, field));
  const objects = Array.isArray(fields.objects) ? fields.objects.flatMap(named) : [];
  return [...written.filter(name => name !== ''), ...named(fields.object), ...objects];
}
