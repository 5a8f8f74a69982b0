// The example's application: people, groups and, from release 006 on, a ledger. It is as small as it can be while still
// being a real client of a migrated schema: it signs in as its own role, asks for the schema's version before it
// listens, and refuses to start on an older one. Each release of it is chosen by VERSION (005 or 006).
// Bundled by build.ts into one file, so that its image needs node and nothing else.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import pg from 'pg';
import { type Answer, type Route, routesOf } from './routes.ts';
import { releaseOf, requireSchema } from './schema.ts';

const PORT = 8080;
const LARGEST_BODY = 64 * 1024;
/** What a request that is under way at the end may still take. */
const LONGEST_ANSWER_MS = 500;
/** What the database says about input that it does not accept; anything else is our own fault. */
const REFUSALS: Readonly<Record<string, number>> = {
  '23505': 409,
  '23503': 422,
  '23514': 422,
  '23502': 422,
  '22P02': 422,
};

async function main(): Promise<void> {
  const release = releaseOf(process.env.VERSION ?? process.argv[2]);
  const database = new pg.Pool({
    connectionString: required('DATABASE_URL'),
    application_name: `truledgr-api/${release}`,
    max: 5,
  });
  database.on('error', error => console.error(`database connection lost: ${error.message}`));
  console.log(`truledgr-api ${release}: schema is at ${await requireSchema(database, release)}`);
  const routes = routesOf(release, database);
  const server = createServer((request, response) => void serve(routes, request, response));
  server.listen(PORT, () => console.log(`truledgr-api ${release}: listening on ${PORT}`));
  process.once('SIGTERM', () => {
    console.log(`truledgr-api ${release}: stopping`);
    server.close(() => void database.end());
    // Who keeps a connection open for later would keep this process, and the migration that waits for it.
    setTimeout(() => server.closeAllConnections(), LONGEST_ANSWER_MS).unref();
  });
}

async function serve(routes: readonly Route[], request: IncomingMessage, response: ServerResponse): Promise<void> {
  const answer = await answerTo(routes, request).catch(refusalFor);
  response.writeHead(answer.status, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify(answer.body)}\n`);
}

async function answerTo(routes: readonly Route[], request: IncomingMessage): Promise<Answer> {
  const path = new URL(request.url ?? '/', 'http://localhost').pathname;
  const route = routes.find(candidate => candidate.method === request.method && candidate.path === path);
  if (route === undefined) return { status: 404, body: { error: `this release has no ${request.method} ${path}` } };
  return route.answer(request.method === 'POST' ? await bodyOf(request) : {});
}

async function bodyOf(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > LARGEST_BODY) throw new BadRequest(`a body may have at most ${LARGEST_BODY} bytes`);
    chunks.push(chunk);
  }
  const parsed: unknown = parseJson(Buffer.concat(chunks).toString('utf8'));
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new BadRequest('the body must be a JSON object');
  }
  return { ...parsed };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new BadRequest('the body must be JSON');
  }
}

class BadRequest extends Error {}

function refusalFor(error: unknown): Answer {
  if (error instanceof BadRequest) return { status: 400, body: { error: error.message } };
  const refusal = error instanceof pg.DatabaseError ? REFUSALS[error.code ?? ''] : undefined;
  if (refusal !== undefined && error instanceof Error) return { status: refusal, body: { error: error.message } };
  console.error(error);
  return { status: 503, body: { error: 'the database did not answer as expected' } };
}

function required(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '') throw new Error(`${name} must be set`);
  return value;
}

main().catch((error: unknown) => {
  console.error(`truledgr-api will not start: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
});
