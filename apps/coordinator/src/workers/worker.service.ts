import { Inject, Injectable } from '@nestjs/common';
import { type RouteInput, type RouteOutput, UnderstudyError, type Worker } from '@understudy/contracts';
import { type Database, isUniqueViolation } from '@understudy/db';
import { accessibleTo } from '../access/accessible.js';
import type { Actor } from '../access/actor.js';
import { AuditWriter } from '../audit/audit-writer.js';
import { pageArguments, pageOf } from '../platform/paging.js';
import type { Config } from '../config/config.js';
import { type Clock, CLOCK, CONFIG, DATABASE } from '../platform/tokens.js';
import { WITH_LANES, WorkerRepository } from './worker.repository.js';

@Injectable()
export class WorkerService {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(CONFIG) private readonly config: Config,
    private readonly workers: WorkerRepository,
    private readonly audit: AuditWriter,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** @throws CONFLICT when the name is taken */
  async create(
    actor: Actor,
    { name, projectIds }: RouteInput<'createWorker'>['body'],
  ): Promise<RouteOutput<'createWorker'>> {
    const pending = this.config.ACCOUNTS === 'strict';
    try {
      return await this.database.hotTransaction(async (sql) => {
        const wanted = { name, projectIds, createdBy: actor.id, needsApproval: pending };
        const worker = await this.workers.create(sql, wanted);
        await this.audit.append(sql, {
          actor: actor.label,
          action: 'worker.created',
          subjectType: 'Worker',
          subjectId: worker.id,
          data: { projects: projectIds, pending },
        });
        return { ...worker, pending };
      });
    } catch (thrown) {
      if (!isUniqueViolation(thrown)) throw thrown;
      throw new UnderstudyError('CONFLICT', 'Another worker has this name; choose another.', { cause: thrown });
    }
  }

  async list(actor: Actor, query: RouteInput<'listWorkers'>['query']): Promise<RouteOutput<'listWorkers'>> {
    const { where, ...page } = pageArguments(query);
    const rows = await this.database.prisma.worker.findMany({
      where: { AND: [accessibleTo(actor.ability, 'read', 'Worker'), where] },
      include: WITH_LANES,
      ...page,
    });
    return pageOf(rows, query, ({ id, name, lanes, keys, tied, projects, ...worker }): Worker => ({
      id,
      name,
      projectIds: tied ? projects : null,
      awaitsApprovalOf: worker.needsApproval && worker.approvedBy === null ? worker.askedBy : null,
      disabledAt: worker.disabledAt?.toISOString() ?? null,
      preparing:
        worker.preparing === null || worker.preparingAt === null
          ? null
          : { step: worker.preparing, at: worker.preparingAt.toISOString() },
      keys: keys.map((key) => ({
        id: key.id,
        fingerprint: key.fingerprint,
        firstSeenAt: key.firstSeenAt.toISOString(),
        approvedAt: key.approvedAt?.toISOString() ?? null,
      })),
      lanes: lanes.map((lane) => ({
        id: lane.id,
        name: `${lane.host}#${lane.ordinal}`,
        state: lane.state,
        parity: lane.parityClass,
        lastSeenAt: lane.lastSeenAt?.toISOString() ?? null,
        pools: lane.pools,
        drainedAt: lane.drainedAt?.toISOString() ?? null,
        ...setAside(lane, this.clock.now()),
      })),
    }));
  }
}

/** A moment that is past sets nothing aside any more. */
function setAside(
  { setAsideUntil: until, setAsideReason }: { setAsideUntil: Date | null; setAsideReason: string | null },
  now: Date,
): { setAsideUntil: string | null; setAsideReason: string | null } {
  if (until === null || until <= now) return { setAsideUntil: null, setAsideReason: null };
  return { setAsideUntil: until.toISOString(), setAsideReason };
}
