import { z } from 'zod';
import { Page } from '../ids.js';
import {
  ChangePassword,
  ConfirmSecondFactor,
  CreateToken,
  CreatedToken,
  Me,
  NewSecondFactor,
  ProveIdentity,
  RecoveryCodes,
  SignIn,
  SignedIn,
} from '../people.js';
import {
  FinishSingleSignOn,
  SignInOptions,
  SingleSignOnCode,
  SingleSignOnStarted,
  StartSingleSignOn,
} from '../single-sign-on.js';
import { Done, list, type Route } from './route.js';

/** One's own account: signing in, tokens, second factor. */
export const ACCOUNT_ROUTES = {
  signIn: { method: 'POST', path: '/api/v1/session', body: SignIn, response: Me },
  signInOptions: { method: 'GET', path: '/api/v1/session/options', response: SignInOptions },
  /** The first of the steps through the provider (OpenID Connect); the browser that begins is the only one that ends it. */
  startSingleSignOn: {
    method: 'POST',
    path: '/api/v1/session/provider',
    body: StartSingleSignOn,
    response: SingleSignOnStarted,
  },
  finishSingleSignOn: {
    method: 'POST',
    path: '/api/v1/session/provider/answer',
    body: FinishSingleSignOn,
    response: Me,
  },
  /** After CODE_REQUIRED, in the same browser. */
  proveSingleSignOn: { method: 'POST', path: '/api/v1/session/provider/code', body: SingleSignOnCode, response: Me },
  signOut: { method: 'DELETE', path: '/api/v1/session', response: Done },
  me: { method: 'GET', path: '/api/v1/me', response: Me },
  createToken: { method: 'POST', path: '/api/v1/tokens', body: CreateToken, response: CreatedToken },
  /** One's own sessions and API tokens that hold, newest first. */
  listTokens: { method: 'GET', path: '/api/v1/tokens', query: Page, response: list(SignedIn) },
  revokeToken: { method: 'DELETE', path: '/api/v1/tokens/:tokenId', response: Done },
  /** Ends all of one's sessions and API tokens, this one too. */
  signOutEverywhere: {
    method: 'DELETE',
    path: '/api/v1/sessions',
    response: z.object({ ended: z.int().nonnegative() }),
  },
  /** A new password ends all of one's sessions and API tokens. */
  changePassword: { method: 'POST', path: '/api/v1/me/password', body: ChangePassword, response: Done },
  /** A new secret, which counts from the moment its first code is confirmed. */
  enrolSecondFactor: {
    method: 'POST',
    path: '/api/v1/me/second-factor',
    body: ProveIdentity,
    response: NewSecondFactor,
  },
  confirmSecondFactor: {
    method: 'POST',
    path: '/api/v1/me/second-factor/confirm',
    body: ConfirmSecondFactor,
    response: RecoveryCodes,
  },
  removeSecondFactor: {
    method: 'POST',
    path: '/api/v1/me/second-factor/remove',
    body: ProveIdentity,
    response: Done,
  },
} as const satisfies Record<string, Route>;
