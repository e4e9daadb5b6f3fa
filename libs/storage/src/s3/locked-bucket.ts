import { createHash } from 'node:crypto';
import { UnderstudyError } from '@understudy/contracts';
import { elementText, type ObjectVersion, parseVersions, type VersionsPage } from './listing.js';
import { encodedPath, encodedQuery, type S3Credentials, signedHeaders } from './signature.js';

const DAY_MS = 86_400_000;
/** A page of a thousand versions is below one; nothing else that is read here comes near. */
const MOST_ANSWER_BYTES = 8 * 1024 ** 2;
const TIMEOUT_MS = 10_000;

export interface LockedBucketOptions extends S3Credentials {
  /** `https://host[:port]`; the bucket's name becomes the path's first part. */
  readonly endpoint: string;
  readonly bucket: string;
  /** How long an object is kept from deletion and change, by anybody. */
  readonly retentionDays: number;
  readonly timeoutMs?: number;
  /** This host's clock; the bucket's answers correct it. */
  readonly now?: () => number;
}

interface Answer {
  readonly status: number;
  readonly body: Buffer;
  /** S3's own code of an error, empty where there is none. */
  readonly code: string;
}

interface Request {
  readonly method: 'GET' | 'PUT';
  /** Absent: the bucket itself. */
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

/** What an administrator can do about S3's codes. */
const ADVICE: Readonly<Record<string, string>> = {
  AccessDenied: 'the key may not do this; give it what docs/AUDIT.md lists',
  InvalidAccessKeyId: 'there is no such access key',
  SignatureDoesNotMatch: 'the secret access key is not that of the access key',
  AuthorizationHeaderMalformed: 'the region is not the one of the bucket',
  PermanentRedirect: 'the region or the endpoint is not the one of the bucket',
  NoSuchBucket: 'there is no such bucket',
  InvalidRequest: 'it takes no object with a retention; object lock is switched on when a bucket is made',
  RequestTimeTooSkewed: 'the clock of this host is wrong',
};

const unavailable = (message: string, cause?: unknown): UnderstudyError =>
  new UnderstudyError('BUCKET_UNAVAILABLE', message, cause === undefined ? {} : { cause });

async function bounded(response: Response): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > MOST_ANSWER_BYTES) throw new Error('the answer is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/**
 * An S3 bucket with object lock: what is put there stays until its time is over (retention mode COMPLIANCE), whoever holds which
 * key. A lock keeps versions, not names: a later version or a delete marker may hide one, so what was stored is found by
 * listing versions.
 *
 * Errors are BUCKET_UNAVAILABLE and bear S3's code, never its text: that repeats keys and what was signed.
 */
export class LockedBucket {
  readonly #origin: URL;
  /** How far the bucket's clock is ahead of this host's. */
  #aheadMs = 0;

  constructor(private readonly options: LockedBucketOptions) {
    this.#origin = new URL(options.endpoint);
  }

  /** Whether the bucket locks objects at all. @throws UnderstudyError BUCKET_UNAVAILABLE */
  async hasObjectLock(): Promise<boolean> {
    const answer = await this.#ask({ method: 'GET', query: { 'object-lock': '' } });
    if (answer.code === 'ObjectLockConfigurationNotFoundError') return false;
    const xml = this.#taken(answer, 'asked for its object lock').toString('utf8');
    return elementText(xml, 'ObjectLockEnabled') === 'Enabled';
  }

  /**
   * Stores an object for good.
   *
   * @returns false where there is one of that name, which stays what it is; true, too, where a server that knows no conditions added
   * a version
   * @throws UnderstudyError BUCKET_UNAVAILABLE
   */
  async put(key: string, body: Uint8Array): Promise<boolean> {
    const headers = {
      'content-md5': createHash('md5').update(body).digest('base64'),
      'content-type': 'application/octet-stream',
      'x-amz-object-lock-mode': 'COMPLIANCE',
    };
    let answer = await this.#ask({ method: 'PUT', key, body, headers: { ...headers, 'if-none-match': '*' } });
    if (answer.status === 412) return false;
    // Conditions are younger than object lock, and nothing rests on them: of two versions the first one counts.
    if (answer.status === 501) answer = await this.#ask({ method: 'PUT', key, body, headers });
    this.#taken(answer, 'given an object to keep');
    return true;
  }

  /** @throws UnderstudyError BUCKET_UNAVAILABLE, also where there is no such version */
  async get({ key, versionId }: Pick<ObjectVersion, 'key' | 'versionId'>): Promise<Buffer> {
    return this.#taken(await this.#ask({ method: 'GET', key, query: { versionId } }), 'asked for an object');
  }

  /**
   * Of each key the version that was stored first, in the order of keys: what came later was not there when it was locked.
   *
   * @param after only keys behind this text, which need not be a key
   * @throws UnderstudyError BUCKET_UNAVAILABLE
   */
  async *originals(prefix: string, after?: string): AsyncGenerator<ObjectVersion> {
    let first: ObjectVersion | undefined;
    for await (const page of this.#pages({ prefix, ...(after === undefined ? {} : { 'key-marker': after }) })) {
      for (const version of page.versions) {
        if (first !== undefined && version.key !== first.key) yield first;
        // Most list the newest first, some the oldest; of two in the same moment the one listed later is taken for the older.
        if (version.key !== first?.key || version.storedAt <= first.storedAt) first = version;
      }
    }
    if (first !== undefined) yield first;
  }

  /** Names up to the next slash of what begins with a prefix. @throws UnderstudyError BUCKET_UNAVAILABLE */
  async folders(prefix: string): Promise<string[]> {
    const found: string[] = [];
    for await (const page of this.#pages({ prefix, delimiter: '/' })) found.push(...page.folders);
    return found;
  }

  async *#pages(query: Readonly<Record<string, string>>): AsyncGenerator<VersionsPage> {
    for (let marker: VersionsPage['next'] = {}; marker !== null;) {
      const asked = { versions: '', 'encoding-type': 'url', ...query, ...marker };
      const answer = this.#taken(await this.#ask({ method: 'GET', query: asked }), 'asked for its objects');
      const page = this.#parsed(answer);
      if (page.next !== null && JSON.stringify(page.next) === JSON.stringify(marker)) {
        throw unavailable('The bucket lists its objects without end.');
      }
      yield page;
      marker = page.next;
    }
  }

  #parsed(answer: Buffer): VersionsPage {
    try {
      return parseVersions(answer.toString('utf8'));
    } catch (thrown) {
      throw unavailable('The bucket answers with what is no listing of versions.', thrown);
    }
  }

  #taken({ status, code, body }: Answer, what: string): Buffer {
    if (status >= 200 && status < 300) return body;
    const advice = ADVICE[code] ?? 'it is tried again';
    throw unavailable(`The bucket answers ${[status, code].join(' ').trim()} when it is ${what}: ${advice}.`);
  }

  /** Once more by the bucket's clock, where it says that this host's is wrong. */
  async #ask(request: Request): Promise<Answer> {
    const { answer, date } = await this.#send(request);
    if (answer.code !== 'RequestTimeTooSkewed' || Number.isNaN(date)) return answer;
    this.#aheadMs = date - this.#hostTime();
    return (await this.#send(request)).answer;
  }

  async #send(request: Request): Promise<{ answer: Answer; date: number }> {
    const { method, key, query = {}, body = new Uint8Array() } = request;
    const at = this.#hostTime() + this.#aheadMs;
    const path = `/${this.options.bucket}${key === undefined ? '' : `/${key}`}`;
    const until = new Date(at + this.options.retentionDays * DAY_MS).toISOString();
    const locked = method === 'PUT' ? { 'x-amz-object-lock-retain-until-date': until } : {};
    const headers = { ...request.headers, ...locked };
    const { host } = this.#origin;
    const signed = signedHeaders({ method, host, path, query, headers, body }, this.options, new Date(at));
    const search = encodedQuery(query);
    const address = `${this.#origin.origin}${encodedPath(path)}${search === '' ? '' : `?${search}`}`;
    try {
      const response = await fetch(address, {
        method,
        headers: signed,
        // A signature is for this host alone.
        redirect: 'manual',
        signal: AbortSignal.timeout(this.options.timeoutMs ?? TIMEOUT_MS),
        ...(method === 'PUT' ? { body: new Uint8Array(body) } : {}),
      });
      const answered = await bounded(response);
      const said = response.ok ? undefined : elementText(answered.toString('utf8'), 'Code');
      const code = /^[A-Za-z0-9]{1,64}$/.exec(said ?? '')?.[0] ?? '';
      const date = Date.parse(response.headers.get('date') ?? '');
      return { answer: { status: response.status, body: answered, code }, date };
    } catch (thrown) {
      throw unavailable('The bucket cannot be reached, or does not answer in time.', thrown);
    }
  }

  #hostTime(): number {
    return (this.options.now ?? Date.now)();
  }
}
