import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { UnderstudyError } from '@understudy/contracts';
import type { Database } from '@understudy/db';
import type { Config } from './config/config.js';
import { DATABASE } from './platform/tokens.js';

/**
 * Opens the port once the database answers.
 *
 * @returns the port, which `PORT=0` leaves to the system
 * @throws UnderstudyError DATABASE_UNAVAILABLE, PORT_BUSY
 */
export async function listen(app: NestExpressApplication, { HOST, PORT }: Config): Promise<number> {
  await app.get<Database>(DATABASE).query('SELECT 1');
  try {
    await app.listen(PORT, HOST);
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code;
    if (code !== 'EADDRINUSE' && code !== 'EACCES' && code !== 'EADDRNOTAVAIL') throw thrown;
    throw new UnderstudyError('PORT_BUSY', `Cannot listen on ${HOST}:${PORT} (${code}); choose another PORT.`, {
      cause: thrown,
    });
  }
  const server = app.getHttpServer() as Server;
  return (server.address() as AddressInfo).port;
}
