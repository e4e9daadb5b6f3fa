import { Inject, Injectable } from '@nestjs/common';
import { type RouteInput, type RouteOutput, UnderstudyError, workerSessionMessage } from '@understudy/contracts';
import { type Database, hashTokenSecret, newTokenSecret, type Sql } from '@understudy/db';
import type { Actor } from '../access/actor.js';
import { AuditWriter } from '../audit/audit-writer.js';
import type { Config } from '../config/config.js';
import { isSignedWithEd25519 } from '../platform/ed25519.js';
import { type Clock, CLOCK, CONFIG, DATABASE } from '../platform/tokens.js';
import { SESSION_SECONDS, type ShownKey, WorkerSessionRepository } from './worker-session.repository.js';

const SWEEP_MS = 3_600_000;

/** A worker shows that it has its key, and gets a token for some minutes: its lanes' requests cost no more than a look at that. */
@Injectable()
export class WorkerSessions {
  #sweptMs = 0;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(DATABASE) private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly keys: WorkerSessionRepository,
    private readonly audit: AuditWriter,
  ) {}

  async challenge(actor: Actor): Promise<RouteOutput<'challengeWorker'>> {
    return { challenge: await this.keys.challenge(actor.id) };
  }

  /**
   * @throws UnderstudyError CREDENTIALS_REFUSED for a challenge that is over or was answered, or a signature that is none;
   *   WORKER_NOT_APPROVED for a key that nobody has approved; FORBIDDEN for one that was ended
   */
  async open(actor: Actor, body: RouteInput<'openWorkerSession'>['body']): Promise<RouteOutput<'openWorkerSession'>> {
    const { challenge, publicKey, signature } = body;
    const isAsked = await this.keys.takeChallenge(challenge, actor.id);
    if (!isAsked || !isSigned(publicKey, workerSessionMessage(challenge, publicKey), signature)) {
      await this.note(this.database, actor, 'worker.session_refused', { challenge: isAsked });
      throw new UnderstudyError('CREDENTIALS_REFUSED', 'The challenge is over, or not signed by this key.');
    }
    await this.sweep();
    const secret = newTokenSecret('worker');
    const key = await this.database.hotTransaction(async (sql) => {
      const shown = await this.keys.show(sql, actor.id, publicKey, this.config.ACCOUNTS === 'simple');
      if (shown?.isNew === true) {
        const { fingerprint, isApproved } = shown;
        await this.note(sql, actor, 'worker.key_shown', { fingerprint, pending: !isApproved });
      }
      if (shown?.isApproved === true && !shown.isRevoked) {
        await this.keys.open(sql, actor.id, shown.id, hashTokenSecret(secret));
      }
      return shown;
    });
    requireOpen(key);
    return { secret, validSeconds: SESSION_SECONDS };
  }

  private async sweep(): Promise<void> {
    const nowMs = this.clock.now().getTime();
    if (nowMs - this.#sweptMs < SWEEP_MS) return;
    this.#sweptMs = nowMs;
    await this.keys.sweep();
  }

  private async note(sql: Sql, actor: Actor, action: string, data: Record<string, unknown>): Promise<void> {
    await this.audit.append(sql, { actor: actor.label, action, subjectType: 'Worker', subjectId: actor.id, data });
  }
}

function requireOpen(key: ShownKey | undefined): void {
  if (key === undefined) {
    throw new UnderstudyError('WORKER_NOT_APPROVED', 'Too many keys of this worker wait for approval already.');
  }
  const details = { fingerprint: key.fingerprint };
  if (key.isRevoked) throw new UnderstudyError('FORBIDDEN', 'This key of the worker was ended.', { details });
  if (key.isApproved) return;
  throw new UnderstudyError(
    'WORKER_NOT_APPROVED',
    `Nobody has approved this worker's key ${key.fingerprint} yet: understudy workers approve.`,
    { details },
  );
}

/** @param publicKey base64url, as is the signature */
function isSigned(publicKey: string, message: string, signature: string): boolean {
  const [key, signed] = [publicKey, signature].map((text) => Buffer.from(text, 'base64url')) as [Buffer, Buffer];
  return isSignedWithEd25519(key, Buffer.from(message), signed);
}
