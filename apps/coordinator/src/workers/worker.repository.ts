import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { hashTokenSecret, newTokenSecret, type Prisma, type Sql } from '@understudy/db';

export interface NewWorker {
  readonly id: string;
  /** Given out once; only its hash is kept. */
  readonly secret: string;
}

export const WITH_LANES = {
  lanes: { orderBy: [{ host: 'asc' }, { ordinal: 'asc' }] },
} as const satisfies Prisma.WorkerInclude;

@Injectable()
export class WorkerRepository {
  async create(sql: Sql, name: string, createdBy: string): Promise<NewWorker> {
    const worker = { id: randomUUID(), secret: newTokenSecret('worker') };
    await sql.query('INSERT INTO workers (id, name, created_by) VALUES ($1, $2, $3)', [worker.id, name, createdBy]);
    await sql.query(`INSERT INTO tokens (id, kind, hash, name, worker_id) VALUES ($1, 'worker', $2, 'first', $3)`, [
      randomUUID(),
      hashTokenSecret(worker.secret),
      worker.id,
    ]);
    return worker;
  }
}
