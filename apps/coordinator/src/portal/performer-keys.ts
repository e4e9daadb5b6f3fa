import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { keyProofBytes, PerformerKey, type RouteInput, UnderstudyError } from '@understudy/contracts';
import { type Database, isUniqueViolation, type Prisma, type Tx } from '@understudy/db';
import type { Actor } from '../access/actor.js';
import { notFound } from '../access/require-on.js';
import { AuditWriter } from '../audit/audit-writer.js';
import { fingerprintOf } from '../consents/consent.repository.js';
import { isSignedWithEd25519 } from '../platform/ed25519.js';
import { pageArguments, type PageQuery } from '../platform/paging.js';
import { type Clock, CLOCK, DATABASE } from '../platform/tokens.js';

type KeyRow = Prisma.PerformerKeyGetPayload<object>;

export function keyView({ id, publicKey, createdAt, retiredAt }: KeyRow): PerformerKey {
  return {
    id,
    publicKey: Buffer.from(publicKey).toString('base64'),
    fingerprint: fingerprintOf(publicKey),
    createdAt: createdAt.toISOString(),
    retiredAt: retiredAt?.toISOString() ?? null,
  };
}

/** @param publicKey base64, as is the signature */
export function isSignedBy(publicKey: string, bytes: Uint8Array, signature: string): boolean {
  return isSignedWithEd25519(Buffer.from(publicKey, 'base64'), bytes, Buffer.from(signature, 'base64'));
}

/** Performers' own keys: the farm has their public halves alone. */
@Injectable()
export class PerformerKeys {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly audit: AuditWriter,
  ) {}

  list(actor: Actor, page: PageQuery): Promise<KeyRow[]> {
    const { where, ...rest } = pageArguments(page);
    return this.database.prisma.performerKey.findMany({ where: { AND: [{ userId: actor.id }, where] }, ...rest });
  }

  /** @throws UnderstudyError INVALID_REQUEST where whoever registers it does not hold it, CONFLICT for one that is known */
  async add(actor: Actor, { publicKey, signature }: RouteInput<'addPerformerKey'>['body']): Promise<PerformerKey> {
    const proof = { format: 'understudy-performer-key/1' as const, userId: actor.id, publicKey };
    if (!isSignedBy(publicKey, keyProofBytes(proof), signature)) {
      throw new UnderstudyError('INVALID_REQUEST', 'The key must sign its own registration, for this account.');
    }
    try {
      return await this.database.transaction(async (tx) => {
        const data = { id: randomUUID(), userId: actor.id, publicKey: Buffer.from(publicKey, 'base64') };
        const row = await tx.prisma.performerKey.create({ data });
        await this.note(tx, actor, row, 'performer_key.added');
        return keyView(row);
      });
    } catch (thrown) {
      if (!isUniqueViolation(thrown)) throw thrown;
      throw new UnderstudyError('CONFLICT', 'This key is registered already.', { cause: thrown });
    }
  }

  /** @throws UnderstudyError NOT_FOUND */
  async retire(actor: Actor, keyId: string): Promise<void> {
    await this.database.transaction(async (tx) => {
      const row = await tx.prisma.performerKey.findFirst({ where: { id: keyId, userId: actor.id } });
      if (row === null) throw notFound('key');
      if (row.retiredAt !== null) return;
      await tx.prisma.performerKey.update({ where: { id: keyId }, data: { retiredAt: this.clock.now() } });
      await this.note(tx, actor, row, 'performer_key.retired');
    });
  }

  /** The actor's own key that is in use; undefined for any other. */
  async find(tx: Tx, actor: Actor, publicKey: string): Promise<KeyRow | undefined> {
    const where = { publicKey: Buffer.from(publicKey, 'base64'), userId: actor.id, retiredAt: null };
    return (await tx.prisma.performerKey.findFirst({ where })) ?? undefined;
  }

  private async note(tx: Tx, actor: Actor, { id, publicKey }: KeyRow, action: string): Promise<void> {
    const data = { fingerprint: fingerprintOf(publicKey) };
    await this.audit.append(tx, { actor: actor.label, action, subjectType: 'PerformerKey', subjectId: id, data });
  }
}
