import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import type { Database } from '@understudy/db';
import { sha256Of } from '@understudy/tlog';
import { SYSTEM_ACTOR } from '../access/actor.js';
import type { Config } from '../config/config.js';
import type { Logger } from '../platform/logger.js';
import { CONFIG, DATABASE, LOGGER } from '../platform/tokens.js';
import { VERSION } from '../health/version.js';
import { AuditWriter } from './audit-writer.js';
import { LogKey } from './log-key.js';

/** Settings come from the environment alone, so they change with a start: each start writes down those in force. */
@Injectable()
export class SettingsAudit implements OnApplicationBootstrap {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(DATABASE) private readonly database: Database,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly audit: AuditWriter,
    private readonly key: LogKey,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    try {
      await this.audit.append(this.database, {
        actor: SYSTEM_ACTOR,
        action: 'coordinator.started',
        subjectType: 'Coordinator',
        subjectId: this.key.origin,
        data: { version: VERSION, verifierKey: this.key.verifierKey, ...inForce(this.config) },
      });
    } catch (thrown) {
      // The database may come later; everything else of the coordinator waits for it as well.
      this.logger.warn({ err: thrown }, 'the start could not be audited');
    }
  }
}

/**
 * What changes how the farm decides; never addresses of this network, paths or secrets. Who says who people are is named; of
 * whose word on an address is taken, a hash: a change shows.
 */
function inForce(config: Config): Record<string, unknown> {
  const { LEASE_SECONDS, HEARTBEAT_SECONDS, SWEEP_SECONDS, ALLOW_LOCAL_PROFILE, MAX_UPLOAD_BYTES } = config;
  return {
    leaseSeconds: LEASE_SECONDS,
    heartbeatSeconds: HEARTBEAT_SECONDS,
    sweepSeconds: SWEEP_SECONDS,
    checkpointSeconds: config.AUDIT_CHECKPOINT_SECONDS,
    allowLocalProfile: ALLOW_LOCAL_PROFILE,
    maxUploadBytes: MAX_UPLOAD_BYTES,
    accounts: config.ACCOUNTS,
    sessionIdleMinutes: config.SESSION_IDLE_MINUTES,
    signInTries: config.SIGN_IN_TRIES,
    trustedProxiesSha256: config.TRUSTED_PROXIES === undefined ? null : sha256Of(config.TRUSTED_PROXIES),
    oidcIssuer: config.OIDC_ISSUER ?? null,
    oidcSecondFactor: config.OIDC_SECOND_FACTOR,
    outputGate: config.OUTPUT_GATE,
    revokedKeptDays: config.REVOKED_KEPT_DAYS,
    logsKeptDays: config.LOGS_KEPT_DAYS,
    webhooksToPrivateHosts: config.WEBHOOKS_TO_PRIVATE_HOSTS,
    ownAnchorFolder: config.AUDIT_ANCHOR_DIR !== undefined,
    anchorBucketDays: config.AUDIT_ANCHOR_S3_RETENTION_DAYS ?? null,
    queue: config.QUEUE_URL === undefined ? 'postgres' : 'redis',
  };
}
