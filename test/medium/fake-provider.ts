import { createHash, createHmac, createSign, generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface SigningKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export function newKey(kid: string): SigningKey {
  return { kid, ...generateKeyPairSync('rsa', { modulusLength: 2048 }) };
}

type Json = Record<string, unknown>;
const part = (value: Json): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A signed JWT; `alg` of the header decides how, as a careless or hostile signer would do it. */
export function jwt(header: Json, claims: Json, key: SigningKey): string {
  const signed = `${part(header)}.${part(claims)}`;
  if (header['alg'] === 'none') return `${signed}.`;
  if (header['alg'] === 'HS256') {
    const secret = key.publicKey.export({ type: 'spki', format: 'pem' });
    return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
  }
  return `${signed}.${createSign('sha256').update(signed).sign(key.privateKey).toString('base64url')}`;
}

interface Grant {
  readonly subject: string;
  readonly challenge: string;
  readonly redirectUri: string;
  readonly nonce: string;
  readonly claims: Json;
}

/** What a test changes of the next token. */
export interface Twist {
  readonly header?: Json;
  readonly claims?: Json;
  /** Signs with another key than the set shows. */
  readonly key?: SigningKey;
}

/** An OpenID Connect provider of the code flow, over loopback HTTP. */
export class FakeProvider {
  keys: SigningKey[] = [newKey('one')];
  twist: Twist = {};
  /** Requests to each of its addresses. */
  readonly asked = new Map<string, number>();
  private readonly grants = new Map<string, Grant>();
  private server!: Server;
  issuer = '';

  constructor(
    readonly clientId: string,
    readonly clientSecret: string,
    private readonly now: () => Date,
  ) {}

  async start(): Promise<void> {
    this.server = createServer((request, response) => void this.answer(request, response));
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    this.issuer = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** As the browser comes by, and somebody signs in there: what it takes back. */
  authorize(url: string, subject: string, claims: Json = {}): { code: string; state: string; iss: string } {
    const { origin, pathname, searchParams } = new URL(url);
    const of = (name: string): string => searchParams.get(name) ?? '';
    const isWhole =
      `${origin}${pathname}` === `${this.issuer}/authorize` &&
      of('response_type') === 'code' &&
      of('client_id') === this.clientId &&
      of('code_challenge_method') === 'S256' &&
      of('scope').split(' ').includes('openid') &&
      [of('state'), of('nonce'), of('code_challenge')].every((value) => value.length >= 43);
    if (!isWhole) throw new Error(`not a request to authorize: ${url}`);
    const code = randomUUID();
    const challenge = of('code_challenge');
    this.grants.set(code, { subject, challenge, redirectUri: of('redirect_uri'), nonce: of('nonce'), claims });
    return { code, state: of('state'), iss: this.issuer };
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? '/', this.issuer).pathname;
    this.asked.set(path, (this.asked.get(path) ?? 0) + 1);
    const [status, body] = this.reply(path, await text(request), request.headers.authorization ?? '');
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  }

  private reply(path: string, body: string, authorization: string): [number, Json] {
    if (path === '/.well-known/openid-configuration') {
      return [
        200,
        {
          issuer: this.issuer,
          authorization_endpoint: `${this.issuer}/authorize`,
          token_endpoint: `${this.issuer}/token`,
          jwks_uri: `${this.issuer}/keys`,
          authorization_response_iss_parameter_supported: true,
        },
      ];
    }
    if (path === '/keys') {
      const keys = this.keys.map(({ kid, publicKey }) => ({ ...publicKey.export({ format: 'jwk' }), kid, use: 'sig' }));
      return [200, { keys }];
    }
    return path === '/token' ? this.token(new URLSearchParams(body), authorization) : [404, {}];
  }

  private token(form: URLSearchParams, authorization: string): [number, Json] {
    // RFC 6749 2.3.1: form-encoded, then joined.
    const given = Buffer.from(authorization.replace(/^Basic /, ''), 'base64').toString();
    const [id, secret] = given.split(':').map((text) => decodeURIComponent(text.replaceAll('+', ' ')));
    if (id !== this.clientId || secret !== this.clientSecret) return [401, { error: 'invalid_client' }];
    const code = form.get('code') ?? '';
    const grant = this.grants.get(code);
    this.grants.delete(code);
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    if (grant === undefined || challenge !== grant.challenge || form.get('redirect_uri') !== grant.redirectUri) {
      return [400, { error: 'invalid_grant' }];
    }
    const issuedAt = Math.floor(this.now().getTime() / 1000);
    const claims = {
      iss: this.issuer,
      aud: this.clientId,
      sub: grant.subject,
      nonce: grant.nonce,
      iat: issuedAt,
      exp: issuedAt + 300,
      ...grant.claims,
      ...this.twist.claims,
    };
    const key = this.twist.key ?? this.keys[0]!;
    const idToken = jwt({ alg: 'RS256', kid: key.kid, ...this.twist.header }, claims, key);
    this.twist = {};
    return [200, { access_token: 'unused', token_type: 'Bearer', id_token: idToken }];
  }
}
