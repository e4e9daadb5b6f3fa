import {
  createPostgresBackend,
  createRedisBackend,
  setDefaultBackendFactory,
  type BackendFactory,
  type ConnectionOptions,
  type IQueueBackend,
} from 'bullmq';
import { UnderstudyError } from '@understudy/contracts';
import { guardedBackend } from './guarded-backend.js';

/** Where jobs are kept. Postgres is the default: the server that holds the truth carries the stages too. */
export interface QueueConnection {
  readonly factory: BackendFactory<IQueueBackend, ConnectionOptions>;
  /** Options of one queue or worker; each opens its own connections. */
  readonly connection: ConnectionOptions;
}

/** A stage queue asks for little at a time; replicas multiply what is set here. */
const POSTGRES_POOL_SIZE = 3;

/**
 * Chooses the backend by the URL's scheme (`postgres://`, `redis://`, `rediss://`) and makes it the process's default,
 * so that any queue made after it, by whatever module, lands in the same place.
 *
 * @throws INVALID_REQUEST for another scheme
 */
export function openQueueConnection(url: string): QueueConnection {
  const { protocol } = new URL(url);
  if (protocol === 'postgres:' || protocol === 'postgresql:') {
    const connection = { connectionString: url, max: POSTGRES_POOL_SIZE };
    return asDefault(createPostgresBackend as unknown as QueueConnection['factory'], connection);
  }
  if (protocol === 'redis:' || protocol === 'rediss:') return asDefault(createRedisBackend, { url });
  throw new UnderstudyError('INVALID_REQUEST', 'QUEUE_URL must start with postgres:// or redis://.');
}

function asDefault(make: QueueConnection['factory'], connection: ConnectionOptions): QueueConnection {
  const factory: QueueConnection['factory'] = (...made) => guardedBackend(make(...made));
  setDefaultBackendFactory(factory);
  return { factory, connection };
}
