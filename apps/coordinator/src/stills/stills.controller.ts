import { Controller, Inject, Res } from '@nestjs/common';
import type { Database } from '@understudy/db';
import type { Response } from 'express';
import { z } from 'zod';
import type { Actor } from '../access/actor.js';
import { CurrentActor } from '../access/current-actor.decorator.js';
import { HandleContent } from '../access/handle.decorator.js';
import { PathParam, QueryInput } from '../access/input.decorator.js';
import { AuditWriter } from '../audit/audit-writer.js';
import { DATABASE } from '../platform/tokens.js';
import { ShotRepository } from '../shots/shot.repository.js';
import { Stills, type StillSide } from './stills.js';

const Side = z.enum(['before', 'after']);
const StillQuery = z.object({
  frame: z.coerce.number().int().min(0).default(0),
  /** Samples of the longer side at most. */
  size: z.coerce.number().int().min(16).max(4096).optional(),
});

@Controller()
export class StillsController {
  constructor(
    private readonly shots: ShotRepository,
    private readonly stills: Stills,
    private readonly audit: AuditWriter,
    @Inject(DATABASE) private readonly database: Database,
  ) {}

  @HandleContent('GET', 'shotStill', { action: 'view', subject: 'Shot' })
  async still(
    @CurrentActor() actor: Actor,
    @PathParam({ name: 'shotId' }) shotId: string,
    @PathParam({ name: 'side', schema: Side }) side: StillSide,
    @QueryInput({ by: StillQuery }) { frame, size }: z.output<typeof StillQuery>,
    @Res() response: Response,
  ): Promise<void> {
    const { id, projectId } = await this.shots.find(actor, 'view', shotId);
    const png = await this.stills.png(id, side, frame, size);
    // Who saw which frame is written down before they see it.
    await this.audit.append(this.database, {
      actor: actor.label,
      action: 'still.viewed',
      subjectType: 'Shot',
      subjectId: id,
      projectId,
      shotId: id,
      data: { side, frame, size: size ?? null },
    });
    response.set({ 'content-type': 'image/png', 'cache-control': 'no-store' }).send(png);
  }
}
