import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { UnderstudyError } from '@understudy/contracts';
import { z } from 'zod';
import type { Config } from '../config/config.js';
import { type Clock, CLOCK, CONFIG } from '../platform/tokens.js';
import { fetchJson } from './fetch-json.js';
import { type IdTokenReading, type Jwk, JwkSet, readIdToken } from './id-token.js';

/** For so long what the provider says of itself is taken for what it was. */
const KEPT_MS = 3_600_000;
/** Unknown keys are looked for again no oftener than this: tokens that anybody made up must not make us ask all the time. */
const KEYS_AGAIN_MS = 30_000;

/** OpenID Connect Discovery 1.0, 3; what we use of it. */
const Metadata = z.object({
  issuer: z.string(),
  authorization_endpoint: z.url(),
  token_endpoint: z.url(),
  jwks_uri: z.url(),
  token_endpoint_auth_methods_supported: z.array(z.string()).default(['client_secret_basic']),
  authorization_response_iss_parameter_supported: z.boolean().default(false),
});
type Metadata = z.infer<typeof Metadata>;
const Tokens = z.object({ id_token: z.string().max(100_000) });

interface Settings {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string | undefined;
  readonly redirectUrl: string;
}

/** The farm's OpenID Connect provider, asked with the code flow and PKCE. */
@Injectable()
export class Provider {
  readonly #settings: Settings | null;
  #metadata: { value: Metadata; untilMs: number } | undefined;
  #keys: { value: readonly Jwk[]; askedMs: number } | undefined;

  constructor(
    @Inject(CONFIG) config: Config,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    const { OIDC_ISSUER: issuer, OIDC_CLIENT_ID: clientId, OIDC_REDIRECT_URL: redirectUrl } = config;
    this.#settings =
      issuer === undefined || clientId === undefined || redirectUrl === undefined
        ? null
        : { issuer, clientId, redirectUrl, clientSecret: config.OIDC_CLIENT_SECRET };
  }

  get isThere(): boolean {
    return this.#settings !== null;
  }

  /** @throws UnderstudyError NOT_FOUND where there is none */
  get issuer(): string {
    return this.#required.issuer;
  }

  /** Where the browser goes. @throws UnderstudyError NOT_FOUND, SIGN_IN_PROVIDER_UNAVAILABLE */
  async authorizationUrl(request: { state: string; nonce: string; verifier: string }): Promise<string> {
    const { clientId, redirectUrl } = this.#required;
    const url = new URL((await this.#about()).authorization_endpoint);
    const parameters = {
      response_type: 'code',
      scope: 'openid',
      client_id: clientId,
      redirect_uri: redirectUrl,
      state: request.state,
      nonce: request.nonce,
      code_challenge: createHash('sha256').update(request.verifier).digest('base64url'),
      code_challenge_method: 'S256',
    };
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
    return url.toString();
  }

  /** Whether an answer that names this issuer, or none, can be of this provider (RFC 9207). */
  async mayAnswer(iss: string | undefined): Promise<boolean> {
    const { issuer } = this.#required;
    if (iss !== undefined) return iss === issuer;
    return !(await this.#about()).authorization_response_iss_parameter_supported;
  }

  /** @returns the ID token; null when the provider does not take the code. @throws UnderstudyError SIGN_IN_PROVIDER_UNAVAILABLE */
  async exchange(code: string, verifier: string): Promise<string | null> {
    const { clientId, clientSecret, redirectUrl } = this.#required;
    const about = await this.#about();
    const form = new URLSearchParams({
      grant_type: 'authorization_code',
      code,
      redirect_uri: redirectUrl,
      code_verifier: verifier,
    });
    const headers: Record<string, string> = {};
    const takesBasic = about.token_endpoint_auth_methods_supported.includes('client_secret_basic');
    if (clientSecret !== undefined && takesBasic) {
      // RFC 6749 2.3.1: both are form-encoded first.
      const pair = [clientId, clientSecret].map(encodeURIComponent).join(':');
      headers['authorization'] = `Basic ${Buffer.from(pair).toString('base64')}`;
    } else {
      form.set('client_id', clientId);
      if (clientSecret !== undefined) form.set('client_secret', clientSecret);
    }
    const answer = await fetchJson(about.token_endpoint, { method: 'POST', headers, body: form });
    if (answer.status >= 400 && answer.status < 500) return null;
    return this.#read(Tokens, answer).id_token;
  }

  /** Asks for the provider's keys anew when none fits: they change without notice. */
  async read(idToken: string, nonce: string): Promise<IdTokenReading> {
    const { issuer, clientId } = this.#required;
    const rules = { issuer, clientId, nonce, now: this.clock.now() };
    const reading = readIdToken(idToken, await this.#keysOf(false), rules);
    if (reading.ok || reading.fault !== 'key') return reading;
    return readIdToken(idToken, await this.#keysOf(true), rules);
  }

  get #required(): Settings {
    if (this.#settings !== null) return this.#settings;
    throw new UnderstudyError('NOT_FOUND', 'This farm has no provider to sign in with; use a password.');
  }

  async #about(): Promise<Metadata> {
    const nowMs = this.clock.now().getTime();
    if (this.#metadata !== undefined && this.#metadata.untilMs > nowMs) return this.#metadata.value;
    const { issuer } = this.#required;
    const address = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
    const value = this.#read(Metadata, await fetchJson(address));
    const addresses = [value.authorization_endpoint, value.token_endpoint, value.jwks_uri];
    // What says it is another is another; and no answer leads from https to where others listen.
    const isOurs = value.issuer === issuer;
    const isPrivate = !issuer.startsWith('https:') || addresses.every((one) => one.startsWith('https:'));
    if (!isOurs || !isPrivate) throw unavailable('what it says of itself does not fit OIDC_ISSUER');
    this.#metadata = { value, untilMs: nowMs + KEPT_MS };
    return value;
  }

  async #keysOf(again: boolean): Promise<readonly Jwk[]> {
    const nowMs = this.clock.now().getTime();
    const keptMs = again ? KEYS_AGAIN_MS : KEPT_MS;
    if (this.#keys !== undefined && this.#keys.askedMs + keptMs > nowMs) return this.#keys.value;
    const { keys } = this.#read(JwkSet, await fetchJson((await this.#about()).jwks_uri));
    this.#keys = { value: keys, askedMs: nowMs };
    return keys;
  }

  #read<T>(schema: z.ZodType<T>, answer: { status: number; body: unknown }): T {
    const parsed = schema.safeParse(answer.status === 200 ? answer.body : undefined);
    if (parsed.success) return parsed.data;
    throw unavailable(`its answer has status ${answer.status} or another form`, parsed.error);
  }
}

function unavailable(why: string, cause?: unknown): UnderstudyError {
  return new UnderstudyError('SIGN_IN_PROVIDER_UNAVAILABLE', `The provider cannot be used to sign in: ${why}.`, {
    cause,
  });
}
