import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { hashTokenSecret, newTokenSecret, type Prisma, type Sql } from '@understudy/db';

export interface NewWorker {
  readonly id: string;
  /** Given out once; only its hash is kept. */
  readonly secret: string;
}

export interface WantedWorker {
  readonly name: string;
  readonly createdBy: string;
  /** Null for the work of any project. */
  readonly projectIds: readonly string[] | null;
  readonly needsApproval: boolean;
}

export const WITH_LANES = {
  lanes: { orderBy: [{ host: 'asc' }, { ordinal: 'asc' }] },
  keys: { where: { revokedAt: null }, orderBy: [{ firstSeenAt: 'asc' }, { id: 'asc' }] },
} as const satisfies Prisma.WorkerInclude;

@Injectable()
export class WorkerRepository {
  async create(sql: Sql, wanted: WantedWorker): Promise<NewWorker> {
    const { name, createdBy, projectIds, needsApproval } = wanted;
    const worker = { id: randomUUID(), secret: newTokenSecret('worker') };
    await sql.query(
      `INSERT INTO workers (id, name, created_by, asked_by, tied, projects, needs_approval)
       VALUES ($1, $2, $3, $3, $4::uuid[] IS NOT NULL, coalesce($4::uuid[], '{}'), $5)`,
      [worker.id, name, createdBy, projectIds, needsApproval],
    );
    await sql.query(`INSERT INTO tokens (id, kind, hash, name, worker_id) VALUES ($1, 'worker', $2, 'first', $3)`, [
      randomUUID(),
      hashTokenSecret(worker.secret),
      worker.id,
    ]);
    return worker;
  }
}
