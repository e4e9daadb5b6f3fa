import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import {
  CLASSICAL_RESTORER,
  ModelManifestDocument,
  type ModelPack,
  pinnedText,
  type RouteInput,
  type RouteOutput,
  UnderstudyError,
} from '@understudy/contracts';
import { type Database, personal, type Sql } from '@understudy/db';
import { accessibleTo } from '../access/accessible.js';
import type { Actor } from '../access/actor.js';
import { notFound } from '../access/require-on.js';
import { AuditWriter } from '../audit/audit-writer.js';
import { pageArguments, pageOf } from '../platform/paging.js';
import { DATABASE } from '../platform/tokens.js';
import { ModelPackRepository, type PackLanes, type RegisteredPack } from './model-pack.repository.js';

type Added = RouteInput<'addModelPack'>['body'];

/** The farm's packs: one person adds a version, another approves it, and one version of each is meant by its bare name. */
@Injectable()
export class ModelPackService {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    private readonly packs: ModelPackRepository,
    private readonly audit: AuditWriter,
  ) {}

  async list(actor: Actor, query: RouteInput<'listModelPacks'>['query']): Promise<RouteOutput<'listModelPacks'>> {
    const { where, ...page } = pageArguments(query);
    const rows = await this.database.prisma.modelPack.findMany({
      where: { AND: [accessibleTo(actor.ability, 'read', 'ModelPack'), where] },
      ...page,
    });
    const lanes = await this.packs.lanes(
      this.database,
      rows.map(({ sha256 }) => sha256),
    );
    return pageOf(rows, query, ({ manifest, ...row }) =>
      shown({ ...row, manifest: ModelManifestDocument.parse(manifest) }, lanes),
    );
  }

  /**
   * @throws UnderstudyError CONFLICT where that version is there with another manifest or as another performer's,
   * NOT_FOUND for the performer, PACK_MANIFEST_INVALID
   */
  async add(actor: Actor, { manifest, performerId: named }: Added): Promise<ModelPack> {
    if (manifest.id === CLASSICAL_RESTORER) {
      throw new UnderstudyError(
        'PACK_MANIFEST_INVALID',
        `${CLASSICAL_RESTORER} is built in: give the pack another id.`,
      );
    }
    const performerId = named ?? null;
    const sha256 = createHash('sha256').update(pinnedText(manifest)).digest('hex');
    return this.database.hotTransaction(async (sql) => {
      if (performerId !== null && !(await this.packs.isPerformer(sql, performerId))) throw notFound('performer');
      const added = await this.packs.add(sql, { manifest, sha256, performerId, addedBy: actor.id });
      const pack = await this.packs.find(sql, manifest.id, manifest.version);
      if (pack === undefined || pack.sha256 !== sha256 || pack.performerId !== performerId) {
        throw new UnderstudyError(
          'CONFLICT',
          `${manifest.id} ${manifest.version} is there with another manifest or performer: give it another version.`,
        );
      }
      if (added !== null) await this.#record(sql, actor, 'model_pack.added', pack, {});
      return this.#read(sql, pack.id);
    });
  }

  /** @throws UnderstudyError NOT_FOUND, FORBIDDEN to who added it, CONFLICT when it is approved already */
  async approve(actor: Actor, id: string, reason: string): Promise<ModelPack> {
    return this.database.hotTransaction(async (sql) => {
      const pack = await this.#held(sql, id);
      if (pack.addedBy === actor.id) {
        throw new UnderstudyError('FORBIDDEN', 'A pack is approved by another person than the one who added it.');
      }
      if (pack.approvedBy !== null) throw new UnderstudyError('CONFLICT', 'This version is approved already.');
      requireOwner(pack);
      await this.packs.approve(sql, id, actor.id);
      await this.#record(sql, actor, 'model_pack.approved', pack, { reason: personal(reason) });
      if (!(await this.packs.hasDefault(sql, pack.pack))) await this.#setDefault(sql, actor, pack, reason);
      return this.#read(sql, id);
    });
  }

  /** @throws UnderstudyError NOT_FOUND, PACK_NOT_APPROVED */
  async setDefault(actor: Actor, id: string, reason: string): Promise<ModelPack> {
    return this.database.hotTransaction(async (sql) => {
      const pack = await this.#held(sql, id);
      if (pack.approvedBy === null) {
        throw new UnderstudyError('PACK_NOT_APPROVED', 'Only a version that was approved can be the default.');
      }
      requireOwner(pack);
      if (!pack.isDefault) await this.#setDefault(sql, actor, pack, reason);
      return this.#read(sql, id);
    });
  }

  async #setDefault(sql: Sql, actor: Actor, pack: RegisteredPack, reason: string): Promise<void> {
    await this.packs.setDefault(sql, pack.pack, pack.id);
    await this.#record(sql, actor, 'model_pack.made_default', pack, { reason: personal(reason) });
  }

  async #held(sql: Sql, id: string): Promise<RegisteredPack> {
    const pack = await this.packs.hold(sql, id);
    if (pack === undefined) throw notFound('pack');
    return pack;
  }

  async #record(
    sql: Sql,
    actor: Actor,
    action: string,
    { id, pack, version, sha256, manifest, performerId }: RegisteredPack,
    data: Record<string, unknown>,
  ): Promise<void> {
    const { licence, commercialUse } = manifest;
    await this.audit.append(sql, {
      actor: actor.label,
      action,
      subjectType: 'ModelPack',
      subjectId: id,
      data: { pack, version, sha256, licence, commercialUse, performerId, ...data },
    });
  }

  async #read(sql: Sql, id: string): Promise<ModelPack> {
    const pack = await this.#held(sql, id);
    return shown(pack, await this.packs.lanes(sql, [pack.sha256]));
  }
}

/** Registered before such packs named their performer. */
function requireOwner({ pack, version, manifest, performerId }: RegisteredPack): void {
  if (manifest.decode.family !== 'dfm' || performerId !== null) return;
  throw new UnderstudyError(
    'CONFLICT',
    `Nobody knows whose model ${pack} ${version} is: register it as another version.`,
  );
}

function shown(pack: RegisteredPack, lanes: ReadonlyMap<string, PackLanes>): ModelPack {
  const { manifest, approvedBy, createdAt, ...row } = pack;
  const { role, decode, licence, commercialUse } = manifest;
  return {
    ...row,
    role,
    family: decode.family,
    licence,
    commercialUse,
    approved: approvedBy !== null,
    approvedBy,
    lanes: lanes.get(pack.sha256) ?? { passed: 0, failed: 0 },
    createdAt: createdAt.toISOString(),
  };
}
