// channel_binding=require: a login that is bound to this TLS session, or none. `pg` takes SCRAM-SHA-256-PLUS where it is offered,
// and what else is offered where it is not: here the session is ended before anything of the password is sent.
// https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNECT-CHANNEL-BINDING . Called by postgres.ts.
import type { EventEmitter } from 'node:events';

/** What is used of a client of `pg`, which its types leave out. */
interface Login {
  readonly connection: EventEmitter & { readonly stream: { destroy(error: Error): void } };
}

const BOUND = 'SCRAM-SHA-256-PLUS';
const UNBOUND = ['authenticationCleartextPassword', 'authenticationMD5Password'] as const;

/** To be called before `connect()`: listeners of ours are then the first. Answers whether the login was bound, once it is done. */
export function demandChannelBinding(client: object): () => boolean {
  const { connection } = client as Login;
  let isBound = false;
  let isOffered = false;
  const refuse = () => connection.stream.destroy(new Error('it offers no channel binding, which the URL requires'));
  for (const event of UNBOUND) connection.once(event, refuse);
  connection.once('authenticationSASL', ({ mechanisms }: { readonly mechanisms: readonly string[] }) => {
    if (mechanisms.includes(BOUND)) isOffered = true;
    else refuse();
  });
  // `pg` looks at the server's own proof then; a server that lets everybody in has not given one.
  connection.once('authenticationSASLFinal', () => {
    isBound = isOffered;
  });
  return () => isBound;
}
