// What each release of the application answers. A route belongs to the release that brought its tables; a later release
// has the routes of the earlier ones too. Constraints are the schema's business: a row that it refuses is a 409 or 422.
import { createHash, randomBytes, scryptSync } from 'node:crypto';
import type { Pool } from 'pg';
import { type Release, requireSchema } from './schema.ts';

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

type Body = Readonly<Record<string, unknown>>;

export interface Route {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  answer(body: Body): Promise<Answer>;
}

export function routesOf(release: Release, database: Pool): readonly Route[] {
  const all = [...peopleRoutes(database), ...groupRoutes(database), ...signInRoutes(database)];
  return [healthRoute(release, database), ...all, ...(release === '006' ? ledgerRoutes(database) : [])];
}

/** Well means: the database answers, and its schema still suits this code. */
function healthRoute(release: Release, database: Pool): Route {
  return {
    method: 'GET',
    path: '/health',
    answer: async () => {
      try {
        return { status: 200, body: { release, schema: await requireSchema(database, release) } };
      } catch (error) {
        return { status: 503, body: { release, error: error instanceof Error ? error.message : String(error) } };
      }
    },
  };
}

/** users: migrations 001 to 003. */
function peopleRoutes(database: Pool): readonly Route[] {
  return [
    list(database, '/users', 'SELECT id, email, display_name, locale, updated_at FROM users ORDER BY id'),
    create(database, '/users', 'INSERT INTO users (email, display_name) VALUES ($1, $2) RETURNING id', [
      'email',
      'display_name',
    ]),
  ];
}

/** groups and memberships: migration 004. */
function groupRoutes(database: Pool): readonly Route[] {
  const groups = `SELECT g.id, g.name, count(m.user_id)::int AS members
    FROM groups g LEFT JOIN memberships m ON m.group_id = g.id GROUP BY g.id ORDER BY g.id`;
  const createGroup = `WITH made AS (INSERT INTO groups (name, created_by) VALUES ($1, $2) RETURNING id, created_by),
    joined AS (INSERT INTO memberships (group_id, user_id, role) SELECT id, created_by, 'owner' FROM made)
    SELECT id FROM made`;
  const join = 'INSERT INTO memberships (group_id, user_id) VALUES ($1, $2) RETURNING group_id, user_id, role';
  return [
    list(database, '/groups', groups),
    create(database, '/groups', createGroup, ['name', 'created_by']),
    create(database, '/memberships', join, ['group_id', 'user_id']),
  ];
}

/** credentials and sessions: migration 005. The token is shown once; only its digest is kept. */
function signInRoutes(database: Pool): readonly Route[] {
  return [
    {
      method: 'POST',
      path: '/credentials',
      answer: async body => {
        const salt = randomBytes(16);
        const hash = scryptSync(String(body.password), salt, 64);
        const statement = `INSERT INTO credentials (user_id, salt, password_hash) VALUES ($1, $2, $3)
          ON CONFLICT (user_id) DO UPDATE SET salt = $2, password_hash = $3, changed_at = now()`;
        await database.query(statement, [body.user_id, salt, hash]);
        return { status: 201, body: {} };
      },
    },
    {
      method: 'POST',
      path: '/sessions',
      answer: async body => {
        const found = await database.query<{ salt: Buffer; password_hash: Buffer }>(
          'SELECT salt, password_hash FROM credentials WHERE user_id = $1',
          [body.user_id],
        );
        const known = found.rows[0];
        const hash = known && scryptSync(String(body.password), known.salt, 64);
        if (!hash?.equals(known?.password_hash ?? Buffer.alloc(0)))
          return { status: 401, body: { error: 'wrong password, or no such person' } };
        const token = randomBytes(32).toString('base64url');
        const digest = createHash('sha256').update(token).digest();
        const statement = `INSERT INTO sessions (token_digest, user_id, expires_at)
          VALUES ($1, $2, now() + interval '12 hours')`;
        await database.query(statement, [digest, body.user_id]);
        return { status: 201, body: { token } };
      },
    },
  ];
}

/** accounts and entries: migration 006. */
function ledgerRoutes(database: Pool): readonly Route[] {
  const addAccount = 'INSERT INTO accounts (group_id, name, currency) VALUES ($1, $2, $3) RETURNING id';
  const addEntry = `INSERT INTO entries (account_id, amount_minor, memo, entered_by)
    VALUES ($1, $2, COALESCE($3, ''), $4) RETURNING id`;
  return [
    list(database, '/accounts', 'SELECT * FROM account_balances ORDER BY account_id'),
    create(database, '/accounts', addAccount, ['group_id', 'name', 'currency']),
    list(database, '/entries', 'SELECT * FROM entries ORDER BY id'),
    create(database, '/entries', addEntry, ['account_id', 'amount_minor', 'memo', 'entered_by']),
  ];
}

function list(database: Pool, path: string, statement: string): Route {
  return {
    method: 'GET',
    path,
    answer: async () => ({ status: 200, body: (await database.query(statement)).rows }),
  };
}

function create(database: Pool, path: string, statement: string, fields: readonly string[]): Route {
  return {
    method: 'POST',
    path,
    answer: async body => {
      const { rows } = await database.query(
        statement,
        fields.map(field => body[field] ?? null),
      );
      return { status: 201, body: rows[0] };
    },
  };
}
