import type { EventEmitter } from 'node:events';

interface ListenClient extends EventEmitter {
  end(...given: unknown[]): unknown;
}

/** What BullMQ's connection to Postgres consists of, as far as it matters here. */
interface PostgresParts {
  readonly pool: EventEmitter;
  getListenClient(): Promise<ListenClient>;
}

const ignore = (): void => undefined;

/**
 * Keeps a lost connection from ending the process. `pg` raises an `error` event on a client whose connection breaks, beside
 * failing its queries. BullMQ listens for it neither while it looks at the schema on a client of its pool, nor on its
 * listening client once that is being closed, and an event that nobody listens for ends a Node process. The failed query,
 * or the end that was asked for, has told all there is to tell.
 */
export function guardedBackend<Backend extends object>(backend: Backend): Backend {
  const connection: unknown = 'connection' in backend ? backend.connection : undefined;
  if (!isPostgres(connection)) return backend;
  connection.pool.on('connect', (client: EventEmitter) => client.on('error', ignore));
  const getListenClient = connection.getListenClient.bind(connection);
  const guarded = new WeakSet<ListenClient>();
  connection.getListenClient = async () => {
    const client = await getListenClient();
    if (guarded.has(client)) return client;
    guarded.add(client);
    const end = client.end.bind(client);
    client.end = (...given) => {
      client.on('error', ignore);
      return end(...given);
    };
    return client;
  };
  return backend;
}

function isPostgres(connection: unknown): connection is PostgresParts {
  return (
    typeof connection === 'object' && connection !== null && 'pool' in connection && 'getListenClient' in connection
  );
}
