import { z } from 'zod';

/** What besides a password lets one in here; null where nothing does. */
export const SignInOptions = z.object({ provider: z.object({ name: z.string() }).nullable() });

/** With an invitation's secret the provider's account becomes that of the account it makes. */
export const StartSingleSignOn = z.object({ invitation: z.string().min(20).max(100).optional() });
/** Where the browser goes next: to the provider. */
export const SingleSignOnStarted = z.object({ url: z.url() });

/** What the provider put into the address to which it sent the browser back (RFC 6749 4.1.2, RFC 9207). */
export const FinishSingleSignOn = z.object({
  state: z.string().min(1).max(200),
  code: z.string().min(1).max(4000),
  iss: z.string().max(500).optional(),
});
/** Six digits of an authenticator or a recovery code, where the provider did not vouch for a second factor. */
export const SingleSignOnCode = z.object({ code: z.string().min(6).max(40) });
