import { createHash, createHmac } from 'node:crypto';

/** AWS Signature Version 4 for S3, in the Authorization header ("Authenticating Requests: Using the Authorization Header"). */
const ALGORITHM = 'AWS4-HMAC-SHA256';
const SERVICE = 's3';

export interface S3Credentials {
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface UnsignedRequest {
  readonly method: 'GET' | 'PUT';
  /** As it is sent, with a port that is not the protocol's own. */
  readonly host: string;
  /** Not encoded; begins with a slash. */
  readonly path: string;
  /** Not encoded; a name without a value has an empty one. */
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

const sha256 = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');
const hmac = (key: string | Uint8Array, text: string): Buffer => createHmac('sha256', key).update(text).digest();
const byName = ([one]: readonly [string, string], [other]: readonly [string, string]): number => (one < other ? -1 : 1);

/** All but RFC 3986's unreserved characters, which is more than `encodeURIComponent` takes. */
const encode = (text: string): string =>
  encodeURIComponent(text).replaceAll(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);

/** The path as it is signed and sent: S3's is encoded once, its slashes are not. */
export const encodedPath = (path: string): string => path.split('/').map(encode).join('/');

/** The query as it is signed and sent. */
export const encodedQuery = (query: UnsignedRequest['query']): string =>
  Object.entries(query)
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .toSorted(byName)
    .map(([name, value]) => `${name}=${value}`)
    .join('&');

/** Names in lower case, in order. */
const canonicalHeaders = (headers: UnsignedRequest['headers']): (readonly [string, string])[] =>
  Object.entries(headers)
    .map(([name, value]) => [name.toLowerCase(), value.trim().replaceAll(/ +/g, ' ')] as const)
    .toSorted(byName);

/** Step 1. @param headers every one that is signed, host included */
export function canonicalRequest(request: UnsignedRequest, headers: UnsignedRequest['headers']): string {
  const signed = canonicalHeaders(headers);
  return [
    request.method,
    encodedPath(request.path),
    encodedQuery(request.query),
    ...signed.map(([name, value]) => `${name}:${value}`),
    '',
    signed.map(([name]) => name).join(';'),
    sha256(request.body),
  ].join('\n');
}

/** `YYYYMMDDThhmmssZ` */
const basicTime = (at: Date): string => at.toISOString().replaceAll(/[-:]|\.\d+/g, '');

const scopeOf = (region: string, at: Date): string =>
  [basicTime(at).slice(0, 8), region, SERVICE, 'aws4_request'].join('/');

/** Step 2. */
export const stringToSign = (canonical: string, region: string, at: Date): string =>
  [ALGORITHM, basicTime(at), scopeOf(region, at), sha256(canonical)].join('\n');

/** Step 3: the key of a day, a region and S3. */
export const signingKey = ({ secretAccessKey, region }: S3Credentials, at: Date): Buffer =>
  [region, SERVICE, 'aws4_request'].reduce(hmac, hmac(`AWS4${secretAccessKey}`, basicTime(at).slice(0, 8)));

/** @returns all headers to send but Host, which the HTTP client writes itself from the address */
export function signedHeaders(
  request: UnsignedRequest,
  credentials: S3Credentials,
  at: Date,
): Readonly<Record<string, string>> {
  const headers = {
    ...request.headers,
    'x-amz-content-sha256': sha256(request.body),
    'x-amz-date': basicTime(at),
  };
  const signed = { ...headers, host: request.host };
  const text = stringToSign(canonicalRequest(request, signed), credentials.region, at);
  const signature = hmac(signingKey(credentials, at), text).toString('hex');
  const names = canonicalHeaders(signed).map(([name]) => name);
  const credential = `${credentials.accessKeyId}/${scopeOf(credentials.region, at)}`;
  return {
    ...headers,
    authorization: `${ALGORITHM} Credential=${credential},SignedHeaders=${names.join(';')},Signature=${signature}`,
  };
}
