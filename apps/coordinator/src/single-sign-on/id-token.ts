import { constants, createPublicKey, type JsonWebKeyInput, type KeyObject, verify } from 'node:crypto';
import { z } from 'zod';

/** One key of a provider's set (RFC 7517). What it holds besides goes to the key's import as it is. */
const Jwk = z.looseObject({
  kty: z.string(),
  kid: z.string().optional(),
  use: z.string().optional(),
  alg: z.string().optional(),
});
export type Jwk = z.infer<typeof Jwk>;
export const JwkSet = z.object({ keys: z.array(Jwk).max(200) });

export interface IdTokenRules {
  readonly issuer: string;
  readonly clientId: string;
  readonly nonce: string;
  readonly now: Date;
}

export interface IdClaims {
  readonly subject: string;
  /** Values of `amr`, and of `acr`. */
  readonly methods: readonly string[];
}

/** Why a token is not taken; `key` when the set has none that fits, so that a newer set may. */
export type IdTokenFault =
  'form' | 'algorithm' | 'key' | 'signature' | 'issuer' | 'audience' | 'party' | 'nonce' | 'time' | 'subject';
export type IdTokenReading =
  { readonly ok: true; readonly claims: IdClaims } | { readonly ok: false; readonly fault: IdTokenFault };

/** Clocks of two hosts may differ by so much. */
const SKEW_S = 60;
/** A token that was made longer ago is not the answer to what was just asked. */
const OLDEST_S = 600;
const LEAST_RSA_BITS = 2048;

interface Algorithm {
  readonly kty: string;
  readonly fits: (key: KeyObject) => boolean;
  readonly verify: (signed: Buffer, key: KeyObject, signature: Buffer) => boolean;
}

const isStrongRsa = (key: KeyObject): boolean => (key.asymmetricKeyDetails?.modulusLength ?? 0) >= LEAST_RSA_BITS;
const SALT_BYTES = 32;

/** The only ones taken: never `none`, and none with a shared secret, for which a public key could pose (RFC 8725 3.1, 3.2). */
const ALGORITHMS: Readonly<Record<string, Algorithm>> = {
  RS256: {
    kty: 'RSA',
    fits: isStrongRsa,
    verify: (signed, key, signature) => verify('sha256', signed, key, signature),
  },
  PS256: {
    kty: 'RSA',
    fits: isStrongRsa,
    verify: (signed, key, signature) =>
      verify('sha256', signed, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: SALT_BYTES }, signature),
  },
  ES256: {
    kty: 'EC',
    fits: (key) => key.asymmetricKeyDetails?.namedCurve === 'prime256v1',
    verify: (signed, key, signature) => verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, signature),
  },
  EdDSA: {
    kty: 'OKP',
    fits: (key) => key.asymmetricKeyType === 'ed25519',
    verify: (signed, key, signature) => verify(null, signed, key, signature),
  },
};

/** Critical extensions are ones that we do not know: refused by not being named here. */
const Header = z.object({ alg: z.string(), kid: z.string().optional(), crit: z.undefined().optional() });
const Seconds = z.number().finite();
const Payload = z.object({
  iss: z.string(),
  sub: z.string(),
  aud: z.union([z.string(), z.array(z.string())]),
  azp: z.string().optional(),
  nonce: z.string().optional(),
  exp: Seconds,
  iat: Seconds,
  nbf: Seconds.optional(),
  amr: z.array(z.string()).optional(),
  acr: z.string().optional(),
});

/**
 * Reads an ID token and checks all of OpenID Connect Core 1.0, 3.1.3.7.
 *
 * @param keys the provider's, of now
 */
export function readIdToken(token: string, keys: readonly Jwk[], rules: IdTokenRules): IdTokenReading {
  const fault = (which: IdTokenFault): IdTokenReading => ({ ok: false, fault: which });
  const parts = /^([\w-]+)\.([\w-]+)\.([\w-]*)$/.exec(token);
  if (parts === null) return fault('form');
  const [, head = '', body = '', tail = ''] = parts;
  const header = Header.safeParse(jsonOf(head));
  if (!header.success) return fault('form');
  const algorithm = Object.hasOwn(ALGORITHMS, header.data.alg) ? ALGORITHMS[header.data.alg] : undefined;
  if (algorithm === undefined) return fault('algorithm');
  const key = keyFor(keys, header.data, algorithm);
  if (key === undefined) return fault('key');
  const signed = Buffer.from(`${head}.${body}`);
  if (!algorithm.verify(signed, key, Buffer.from(tail, 'base64url'))) return fault('signature');
  const payload = Payload.safeParse(jsonOf(body));
  if (!payload.success) return fault('form');
  const wrong = faultOf(payload.data, rules);
  if (wrong !== null) return fault(wrong);
  const { sub, amr = [], acr } = payload.data;
  return { ok: true, claims: { subject: sub, methods: acr === undefined ? amr : [...amr, acr] } };
}

function faultOf(payload: z.infer<typeof Payload>, rules: IdTokenRules): IdTokenFault | null {
  const { iss, sub, aud, azp, nonce, exp, iat, nbf } = payload;
  if (iss !== rules.issuer) return 'issuer';
  const audience = typeof aud === 'string' ? [aud] : aud;
  if (!audience.includes(rules.clientId)) return 'audience';
  // A token for several is ours only where it was given to us.
  if (azp === undefined ? audience.length > 1 : azp !== rules.clientId) return 'party';
  if (nonce !== rules.nonce) return 'nonce';
  const nowS = rules.now.getTime() / 1000;
  const isOfNow = exp + SKEW_S > nowS && iat - SKEW_S < nowS && iat + OLDEST_S > nowS && (nbf ?? 0) - SKEW_S < nowS;
  if (!isOfNow) return 'time';
  return sub.length > 0 && sub.length <= 255 ? null : 'subject';
}

/** By its id; a token that names none is taken where one key alone could have made it. */
function keyFor(
  keys: readonly Jwk[],
  { alg, kid }: z.infer<typeof Header>,
  { kty, fits }: Algorithm,
): KeyObject | undefined {
  const could = keys.filter(
    (key) =>
      key.kty === kty &&
      (key.use ?? 'sig') === 'sig' &&
      (key.alg ?? alg) === alg &&
      (kid === undefined || key.kid === kid),
  );
  const [jwk] = could;
  if (jwk === undefined || could.length > 1) return undefined;
  try {
    const key = createPublicKey({ key: jwk, format: 'jwk' } as JsonWebKeyInput);
    return fits(key) ? key : undefined;
  } catch {
    return undefined;
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}
