import { Inject, Injectable } from '@nestjs/common';
import { type FarmRole, type ProjectRole, UnderstudyError } from '@understudy/contracts';
import { type Database, hashTokenSecret } from '@understudy/db';
import type { Request } from 'express';
import { OPEN_MINUTES } from '../break-glass/break-glass.repository.js';
import type { Config } from '../config/config.js';
import { CONFIG, DATABASE } from '../platform/tokens.js';
import { WorkerTokens } from '../workers/worker-tokens.js';
import { type Actor, createActor } from './actor.js';
import { secretsOf } from './request-secret.js';
import { RoleSeals } from './role-seals.js';

interface TokenRow {
  id: string;
  kind: 'session' | 'api' | 'worker';
  actorId: string;
  name: string;
  farmRoles: FarmRole[];
  seal: string | null;
  memberships: { projectId: string; role: ProjectRole; seal: string | null }[];
  performers: { performerId: string; seal: string | null }[];
  secondFactor: boolean;
  isBreakGlass: boolean;
  /** A worker's own token, and not one that it got by its key. */
  isJoin: boolean;
  /** Nobody noted for a while that it is used. */
  stale: boolean;
}

/** A request of the console that no person asked for, to see what is new: it does not keep a session open. */
export const BACKGROUND_HEADER = 'x-understudy-background';
/** Noting each request would be a write each. */
const NOTED_EACH_SECONDS = 60;
const NOTE_USE = 'UPDATE tokens SET last_used_at = now() WHERE id = $1::uuid';

/** Roles are read anew for each request, so that taking one away acts at once. */
const FIND_BY_HASH = `
  SELECT t.id, t.kind::text AS kind, coalesce(u.id, w.id) AS "actorId", coalesce(u.name, w.name) AS name,
         t.second_factor AS "secondFactor", b.user_id IS NOT NULL AS "isBreakGlass",
         t.kind = 'worker' AND t.key_id IS NULL AS "isJoin",
         coalesce(t.last_used_at, t.created_at) < now() - make_interval(secs => ${NOTED_EACH_SECONDS}) AS stale,
         coalesce(u.farm_roles::text[], '{}') AS "farmRoles", encode(u.seal, 'hex') AS seal,
         coalesce((SELECT json_agg(json_build_object('projectId', m.project_id, 'role', m.role, 'seal', encode(m.seal, 'hex')))
                   FROM memberships m WHERE m.user_id = u.id), '[]') AS memberships,
         coalesce((SELECT json_agg(json_build_object('performerId', a.performer_id, 'seal', encode(a.seal, 'hex')))
                   FROM performer_accounts a WHERE a.user_id = u.id), '[]') AS performers
  FROM tokens t
  LEFT JOIN users u ON u.id = t.user_id AND t.kind <> 'worker' AND u.disabled_at IS NULL
  LEFT JOIN break_glass b ON b.user_id = u.id
  LEFT JOIN workers w ON w.id = t.worker_id AND t.kind = 'worker' AND w.disabled_at IS NULL
  LEFT JOIN worker_keys k ON k.id = t.key_id AND k.approved_at IS NOT NULL AND k.revoked_at IS NULL
  WHERE t.hash = $1 AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > now())
    AND (t.kind <> 'session' OR coalesce(t.last_used_at, t.created_at) > now() - make_interval(secs => $2))
    AND (b.user_id IS NULL OR b.opened_at > now() - make_interval(mins => ${OPEN_MINUTES}))
    AND (t.key_id IS NULL OR k.id IS NOT NULL)
    AND coalesce(u.id, w.id) IS NOT NULL`;

/** A stream is opened anew by the browser itself. */
function isBackground({ headers }: Request): boolean {
  return headers[BACKGROUND_HEADER] !== undefined || (headers.accept ?? '').startsWith('text/event-stream');
}

/** Finds out who asks, by a token in the `Authorization` header or by the session's cookie. */
@Injectable()
export class Authenticator {
  private readonly idleSeconds: number;

  constructor(
    @Inject(CONFIG) config: Config,
    @Inject(DATABASE) private readonly database: Database,
    private readonly workerTokens: WorkerTokens,
    private readonly roleSeals: RoleSeals,
  ) {
    this.idleSeconds = config.SESSION_IDLE_MINUTES * 60;
  }

  /**
   * @throws UnderstudyError UNAUTHENTICATED for no token, an unknown, expired or revoked one, alike; RECORD_ALTERED for
   * somebody whose roles were changed past the service
   */
  async authenticate(request: Request): Promise<Actor> {
    const { bearer, cookie } = secretsOf(request);
    const secret = bearer ?? cookie;
    const hash = secret === undefined ? undefined : hashTokenSecret(secret);
    const worker = bearer === undefined || hash === undefined ? undefined : this.workerTokens.find(hash);
    if (worker !== undefined) return worker;
    const asked = this.workerTokens.changes;
    const row = hash === undefined ? undefined : await this.find(hash);
    // A session lives in its cookie alone and any other token in the header alone.
    if (row === undefined || hash === undefined || (row.kind === 'session') !== (bearer === undefined)) {
      throw new UnderstudyError('UNAUTHENTICATED', 'Sign in, or send a token that is valid and not revoked.');
    }
    const { id, kind, actorId, name, farmRoles, memberships, performers, secondFactor, isBreakGlass, isJoin } = row;
    if (kind !== 'worker') await this.roleSeals.require(row);
    if (row.stale && kind !== 'worker' && !isBackground(request)) await this.database.query(NOTE_USE, [id]);
    const actor = createActor({
      kind: kind === 'worker' ? 'worker' : 'user',
      id: actorId,
      name,
      farmRoles,
      isBreakGlass,
      memberships: memberships.map(({ projectId, role }) => ({ projectId, role })),
      performers: performers.map(({ performerId }) => performerId),
      token: { id, kind, secondFactor, isJoin },
    });
    this.workerTokens.keep(hash, actor, asked);
    return actor;
  }

  private async find(hash: string): Promise<TokenRow | undefined> {
    const [row] = await this.database.query<TokenRow>(FIND_BY_HASH, [hash, this.idleSeconds]);
    return row;
  }
}
