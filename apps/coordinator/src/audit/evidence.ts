import { Inject, Injectable } from '@nestjs/common';
import {
  canonicalJson,
  CONSENT_REASONS,
  type RouteInput,
  type RouteOutput,
  UnderstudyError,
} from '@understudy/contracts';
import type { Database } from '@understudy/db';
import { asSubject, roleMatrix } from '@understudy/policy';
import { type Evidence, EVIDENCE_FORMAT, inclusionProof, type ProvedEvent, signEvidence } from '@understudy/tlog';
import type { Actor } from '../access/actor.js';
import { notFound } from '../access/require-on.js';
import { VERSION } from '../health/version.js';
import { type Clock, CLOCK, DATABASE } from '../platform/tokens.js';
import { AuditCheckpoints } from './audit-checkpoints.js';
import { EvidenceRepository, type Period, type PlacedEvent } from './evidence.repository.js';
import { LogKey } from './log-key.js';
import { TreeRepository } from './tree.repository.js';

const TRIES = 5;

/** What a farm says of itself to an assessor, signed. Of the projects that the asker audits, or of one of them. */
@Injectable()
export class EvidenceService {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly repository: EvidenceRepository,
    private readonly checkpoints: AuditCheckpoints,
    private readonly tree: TreeRepository,
    private readonly key: LogKey,
  ) {}

  /** @throws UnderstudyError NOT_FOUND for a project that is not theirs to audit */
  async make(actor: Actor, query: RouteInput<'getEvidence'>['query']): Promise<RouteOutput<'getEvidence'>> {
    const projectIds = projectsOf(actor, query.projectId);
    const period = { from: dateOf(query.from), to: dateOf(query.to) };
    const evidence = canonicalJson(await this.#read(actor, projectIds, period));
    return { evidence, note: signEvidence(evidence, this.key.origin, this.key.privateKey) };
  }

  /** Again where something happened between the checkpoint and the reading: what is said must follow from what is proved. */
  async #read(actor: Actor, projectIds: readonly string[], period: Period): Promise<Evidence> {
    for (let tries = 1; tries <= TRIES; tries += 1) {
      const found = await this.#readOnce(actor, projectIds, period);
      if (found !== null) return found;
    }
    throw new UnderstudyError('CONFLICT', 'Consents change faster than they can be read; ask again.');
  }

  async #readOnce(actor: Actor, projectIds: readonly string[], period: Period): Promise<Evidence | null> {
    const { note, size } = await this.checkpoints.current();
    const read = await this.database.hotTransaction(async (sql) => {
      await sql.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY');
      if (await this.repository.isAhead(sql, projectIds, size)) return null;
      return {
        policies: {
          roles: roleMatrix(),
          consentReasons: [...CONSENT_REASONS],
          settings: await this.repository.settings(sql),
        },
        projects: await this.repository.projects(sql, projectIds),
        people: await this.repository.people(sql, projectIds),
        workers: await this.repository.workers(sql),
        consents: await this.repository.consents(sql, projectIds, period),
        placed: await this.repository.events(sql, projectIds, size, period),
      };
    });
    if (read === null) return null;
    const { placed, ...rest } = read;
    return {
      format: EVIDENCE_FORMAT,
      version: VERSION,
      at: this.clock.now().toISOString(),
      origin: this.key.origin,
      verifierKey: this.key.verifierKey,
      checkpoint: note,
      asked: {
        by: actor.label,
        from: period.from?.toISOString() ?? null,
        to: period.to?.toISOString() ?? null,
      },
      ...rest,
      events: await this.#proved(placed, size),
    };
  }

  async #proved(placed: readonly PlacedEvent[], size: number): Promise<ProvedEvent[]> {
    const subtrees = this.tree.subtrees();
    const proved: ProvedEvent[] = [];
    for (const { event, index } of placed) {
      const proof = await inclusionProof(index, size, subtrees);
      proved.push({ event, index, proof: proof.map((hash) => Buffer.from(hash).toString('hex')) });
    }
    return proved;
  }
}

function projectsOf(actor: Actor, asked: string | undefined): string[] {
  const audited = [...new Set(actor.memberships.map(({ projectId }) => projectId))].filter((projectId) =>
    actor.ability.can('read', asSubject('Evidence', { projectId })),
  );
  if (asked === undefined) return audited;
  if (!audited.includes(asked)) throw notFound('project');
  return [asked];
}

const dateOf = (instant: string | undefined): Date | null => (instant === undefined ? null : new Date(instant));
