import { BreakGlass, BreakGlassHalf } from '../break-glass.js';
import { z } from 'zod';
import { ConsentDecision } from '../consent.js';
import { Page } from '../ids.js';
import { AcceptInvitation, Accepted, Granted, Invitation, Invite, Invited, RoleRequest, TakeRole } from '../joining.js';
import { CreateUser, User } from '../people.js';
import { FarmRole } from '../roles.js';
import { Done, list, type Route } from './route.js';

/** Who is let in, and as what. */
export const PEOPLE_ROUTES = {
  listUsers: { method: 'GET', path: '/api/v1/users', query: Page, response: list(User) },
  createUser: { method: 'POST', path: '/api/v1/users', body: CreateUser, response: User },
  /** Ends all of their sessions and tokens, and lets them in no more. */
  disableUser: { method: 'POST', path: '/api/v1/users/:userId/disable', body: ConsentDecision, response: Done },
  grantFarmRole: {
    method: 'POST',
    path: '/api/v1/users/:userId/farm-roles',
    body: z.object({ role: FarmRole }),
    response: Granted,
  },
  /** One org admin is enough to take a role away, of the farm or of a project. */
  takeRole: { method: 'POST', path: '/api/v1/roles/take', body: TakeRole, response: Done },
  /** Roles that wait for a second org admin, and accounts that are to be performers for a consent officer. */
  listRoleRequests: { method: 'GET', path: '/api/v1/role-requests', query: Page, response: list(RoleRequest) },
  approveRoleRequest: { method: 'POST', path: '/api/v1/role-requests/:roleRequestId/approve', response: Done },
  declineRoleRequest: {
    method: 'POST',
    path: '/api/v1/role-requests/:roleRequestId/decline',
    body: ConsentDecision,
    response: Done,
  },
  /** The account for the day when nobody else can get in. */
  getBreakGlass: { method: 'GET', path: '/api/v1/break-glass', response: BreakGlass },
  /** Of one org admin: the first half of its next password. */
  askBreakGlass: { method: 'POST', path: '/api/v1/break-glass/ask', response: BreakGlassHalf },
  /** Of another: the second half. From then on the two open it, for an hour, once. */
  sealBreakGlass: { method: 'POST', path: '/api/v1/break-glass/seal', response: BreakGlassHalf },
  /** Invitations that are open. */
  listInvitations: { method: 'GET', path: '/api/v1/invitations', query: Page, response: list(Invitation) },
  createInvitation: { method: 'POST', path: '/api/v1/invitations', body: Invite, response: Invited },
  revokeInvitation: { method: 'DELETE', path: '/api/v1/invitations/:invitationId', response: Done },
  /** By whoever holds its secret, once: makes the account with a password of their own. */
  acceptInvitation: {
    method: 'POST',
    path: '/api/v1/invitations/accept',
    body: AcceptInvitation,
    response: Accepted,
  },
} as const satisfies Record<string, Route>;
