import { Controller, Inject, Req, Res } from '@nestjs/common';
import { UnderstudyError } from '@understudy/contracts';
import type { Database } from '@understudy/db';
import type { ObjectStore } from '@understudy/storage';
import type { Request, Response } from 'express';
import { z } from 'zod';
import type { Actor } from '../access/actor.js';
import { CurrentActor, SignedClaims } from '../access/current-actor.decorator.js';
import { HandleContent } from '../access/handle.decorator.js';
import { PathParam, QueryInput } from '../access/input.decorator.js';
import type { UrlClaims } from '../access/signed-urls.js';
import type { Config } from '../config/config.js';
import { receiveUpload, tellOffset, UploadQuery } from '../content/receive-upload.js';
import { sendObject } from '../content/send-object.js';
import { Metrics } from '../metrics/metrics.js';
import { CONFIG, DATABASE, OBJECT_STORE } from '../platform/tokens.js';
import { type Attempt, isCurrent, ordered, projectOf } from './attempt.js';
import { AttemptAudit } from './attempt-audit.js';
import { noSuchAttempt } from './attempt-ends.js';
import { AttemptRepository } from './attempt.repository.js';

const OfEpoch = z.object({ epoch: z.coerce.number().int().min(1) });
const ResultQuery = UploadQuery.extend(OfEpoch.shape);

/** The bytes that lanes bring and fetch. A result goes up under its attempt and epoch, and waits there for its report. */
@Controller()
export class ResultsController {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(OBJECT_STORE) private readonly objects: ObjectStore,
    private readonly attempts: AttemptRepository,
    private readonly audit: AttemptAudit,
    private readonly metrics: Metrics,
  ) {}

  @HandleContent('HEAD', 'attemptResult', { action: 'upload', subject: 'Attempt' })
  async offset(
    @CurrentActor() actor: Actor,
    @PathParam({ name: 'attemptId' }) attemptId: string,
    @QueryInput({ by: OfEpoch }) { epoch }: z.output<typeof OfEpoch>,
    @Res({ passthrough: true }) response: Response,
  ): Promise<void> {
    await this.#requireCurrent(actor.id, attemptId, epoch);
    tellOffset(response, await this.objects.uploadOffset(attemptId));
  }

  @HandleContent('PUT', 'attemptResult', { action: 'upload', subject: 'Attempt' })
  async append(
    @CurrentActor() actor: Actor,
    @PathParam({ name: 'attemptId' }) attemptId: string,
    @QueryInput({ by: ResultQuery }) { epoch, offset }: z.output<typeof ResultQuery>,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<void> {
    const part = { attemptId, epoch, offset };
    await this.metrics.report('upload', this.#append(actor.id, part, request, response));
  }

  /** One object that a lease named, for as long as its address holds and the worker it was given to is at work on it. */
  @HandleContent('GET', 'leasedObject', { signedUrl: true })
  async object(@SignedClaims() claims: UrlClaims, @Req() request: Request, @Res() response: Response): Promise<void> {
    const { projectId = '', sha256 = '' } = claims;
    const mayGoOn = async (): Promise<boolean> =>
      await this.attempts.isAtWork(this.database, claims, { withKey: this.config.ACCOUNTS === 'strict' });
    if (!(await mayGoOn())) throw new UnderstudyError('FORBIDDEN', 'The work that this address was for has ended.');
    const mediaType = 'application/octet-stream';
    await sendObject(this.objects.of(projectId), sha256, request, response, { mediaType, mayGoOn });
  }

  async #append(
    workerId: string,
    { attemptId, epoch, offset }: { attemptId: string; epoch: number; offset: number },
    request: Request,
    response: Response,
  ): Promise<void> {
    const attempt = await this.#requireCurrent(workerId, attemptId, epoch);
    const totalBytes = this.config.MAX_UPLOAD_BYTES;
    const upload = { id: attemptId, projectId: projectOf(attempt), offset, totalBytes };
    await receiveUpload(this.objects, upload, request, response);
  }

  async #requireCurrent(workerId: string, attemptId: string, epoch: number): Promise<Attempt> {
    const attempt = await this.attempts.find(this.database, attemptId, workerId);
    if (attempt === undefined) throw noSuchAttempt();
    if (!isCurrent(attempt, epoch)) await this.audit.refuseStale(attempt, 'upload');
    if (attempt.order !== null) throw ordered(attempt.order);
    return attempt;
  }
}
