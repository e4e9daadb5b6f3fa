import type { FarmRole, ProjectRole } from '@understudy/contracts';
import { abilityOf, type ActorAbility, type ActorRoles, rulesOf } from '@understudy/policy';

/** Who asks, as the database knew them when the request came in. */
export interface Actor extends ActorRoles {
  readonly kind: 'user' | 'worker';
  readonly id: string;
  readonly name: string;
  /** How the audit log names them: kind and id, never a name. */
  readonly label: string;
  readonly farmRoles: readonly FarmRole[];
  readonly memberships: readonly { readonly projectId: string; readonly role: ProjectRole }[];
  readonly performers: readonly string[];
  readonly ability: ActorAbility;
  /** The account whose password lies sealed: what it does is told aloud. */
  readonly isBreakGlass: boolean;
  /** The token that the request bore, and whether it came as a cookie. */
  readonly token: {
    readonly id: string;
    readonly kind: 'session' | 'api' | 'worker';
    /** Whether it was opened with a second factor. */
    readonly secondFactor?: boolean;
    /** A worker's own, with which it shows its key; not one that it got for that. */
    readonly isJoin?: boolean;
  };
}

/** The label of what the farm does by itself: timers and stages. */
export const SYSTEM_ACTOR = 'system';

export function createActor(
  who: ActorRoles & Pick<Actor, 'name' | 'token'> & Partial<Pick<Actor, 'isBreakGlass'>>,
): Actor {
  const { isBreakGlass = false } = who;
  const label = `${isBreakGlass ? 'break-glass' : who.kind}:${who.id}`;
  return { performers: [], ...who, isBreakGlass, label, ability: abilityOf(rulesOf(who)) };
}
