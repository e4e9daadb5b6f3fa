import { Inject, Injectable } from '@nestjs/common';
import type { Delivery, ProjectProfile } from '@understudy/contracts';
import type { Database, Sql } from '@understudy/db';
import type { Action } from '@understudy/policy';
import { accessibleTo } from '../access/accessible.js';
import type { Actor } from '../access/actor.js';
import { notFound } from '../access/require-on.js';
import { DATABASE } from '../platform/tokens.js';

/** A delivery with what decides about it. */
export interface DeliveryRow {
  readonly id: string;
  readonly shotVersionId: string;
  readonly state: Delivery['state'];
  readonly sha256: string;
  readonly shotId: string;
  readonly shotName: string;
  readonly version: number;
  readonly container: string;
  readonly projectId: string;
  readonly profile: ProjectProfile;
  /** Everybody who submitted this version, or one before it, of which it takes over the cast and frames. */
  readonly submitters: readonly string[];
  readonly waivers: readonly string[];
  /** A consent of the cast is attested by the operator alone. */
  readonly selfAttested: boolean;
}

const ROW = `
  SELECT d.id, d.shot_version_id AS "shotVersionId", d.state::text AS state, d.sha256, s.id AS "shotId",
         s.name AS "shotName", v.version, v.settings->>'container' AS container, p.id AS "projectId",
         p.profile::text AS profile, submitters_of(v.id) AS submitters, v.waivers,
         EXISTS (SELECT 1 FROM cast_members m JOIN consents n ON n.id IN (m.identity_consent_id, m.plate_consent_id)
                  WHERE m.shot_version_id = v.id AND n.level = 'L0') AS "selfAttested"
    FROM deliveries d
    JOIN shot_versions v ON v.id = d.shot_version_id
    JOIN shots s ON s.id = v.shot_id
    JOIN projects p ON p.id = s.project_id
   WHERE d.id = $1`;

@Injectable()
export class DeliveryRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /** @throws UnderstudyError NOT_FOUND for one that is not there, or not the actor's to do this with */
  async find(actor: Actor, action: Action, deliveryId: string): Promise<DeliveryRow> {
    const mine = accessibleTo(actor.ability, action, 'Delivery');
    const found = await this.database.prisma.delivery.count({ where: { AND: [{ id: deliveryId }, mine] } });
    const row = found === 1 ? await this.row(this.database, deliveryId) : undefined;
    if (row === undefined) throw notFound('delivery');
    return row;
  }

  /** @param lock holds the version's and the delivery's rows to the end of the transaction */
  async row(sql: Sql, deliveryId: string, options: { lock?: boolean } = {}): Promise<DeliveryRow | undefined> {
    if (options.lock === true) {
      await sql.query(
        `SELECT 1 FROM shot_versions WHERE id = (SELECT shot_version_id FROM deliveries WHERE id = $1) FOR NO KEY UPDATE`,
        [deliveryId],
      );
      await sql.query('SELECT 1 FROM deliveries WHERE id = $1 FOR NO KEY UPDATE', [deliveryId]);
    }
    const [row] = await sql.query<DeliveryRow>(ROW, [deliveryId]);
    return row;
  }

  async show(deliveryId: string): Promise<Delivery> {
    const row = await this.database.prisma.delivery.findUniqueOrThrow({ where: { id: deliveryId } });
    const { id, shotVersionId, state, sha256, frames, bytes, verification } = row;
    return {
      id,
      shotVersionId,
      state,
      sha256,
      frames,
      bytes: Number(bytes),
      verification: verification as Delivery['verification'],
    };
  }

  async markReleased(sql: Sql, deliveryId: string, releasedBy: string): Promise<void> {
    await sql.query(
      `UPDATE deliveries SET state = 'released', released_by = $2, released_at = now() WHERE id = $1 AND state = 'ready'`,
      [deliveryId, releasedBy],
    );
  }
}
