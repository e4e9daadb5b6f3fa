import { createHash, createHmac, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const SKEW_MS = 15 * 60_000;
const hash = (name: 'sha256' | 'md5', data: string | Buffer) => createHash(name).update(data);

export interface StoredVersion {
  readonly id: string;
  readonly at: number;
  /** Null is a delete marker. */
  readonly body: Buffer | null;
  readonly mode: string | undefined;
  readonly until: number;
}

interface Refusal {
  readonly status: number;
  readonly code: string;
}

/** What S3 says no with. */
class Refused extends Error {
  constructor(readonly refusal: Refusal) {
    super(refusal.code);
  }
}
const refuse = (status: number, code: string): never => {
  throw new Refused({ status, code });
};

/** An S3 server with one bucket, versioned and with object lock; it works signatures out for itself. */
export class FakeBucket {
  static readonly credentials = { accessKeyId: 'AKIATESTANCHOR', secretAccessKey: 'a/secret+of-the-bucket' };
  static readonly region = 'eu-north-1';

  /** Versions of each key, the oldest first. */
  readonly objects = new Map<string, StoredVersion[]>();
  /** `METHOD path?query` of all requests, in order. */
  readonly requests: string[] = [];
  objectLock = true;
  /** Whether it knows `If-None-Match`. */
  conditions = true;
  oldestFirst = false;
  pageSize = 1000;
  /** How far its clock is ahead of this host's. */
  aheadMs = 0;
  /** What it answers instead of anything else. */
  failing: Refusal | 'never' | 'cut' | 'endless' | null = null;

  private constructor(
    private readonly server: Server,
    readonly endpoint: string,
    readonly name: string,
  ) {}

  static async start(name = 'anchors'): Promise<FakeBucket> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const bucket = new FakeBucket(server, `http://127.0.0.1:${port}`, name);
    server.on('request', (request, response) => void bucket.#answer(request, response));
    return bucket;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  get keys(): string[] {
    return [...this.objects.keys()].toSorted();
  }

  /** Of a key, what was stored there first. */
  original(key: string): Buffer {
    return this.objects.get(key)?.[0]?.body ?? Buffer.alloc(0);
  }

  /** As whoever holds a key of the bucket: a later version of a name, or a delete marker over it. */
  write(key: string, body: Buffer | null): void {
    const versions = this.objects.get(key) ?? [];
    const version = { id: randomUUID(), at: this.#now(), body, mode: undefined, until: 0 };
    this.objects.set(key, [...versions, version]);
  }

  /** As whoever holds a key of the bucket. @throws Refused AccessDenied for a version that is locked */
  deleteVersion(key: string, id: string): void {
    const versions = this.objects.get(key) ?? [];
    const found = versions.find((version) => version.id === id) ?? refuse(404, 'NoSuchVersion');
    if (found.mode === 'COMPLIANCE' && found.until > this.#now()) refuse(403, 'AccessDenied');
    this.objects.set(
      key,
      versions.filter((version) => version !== found),
    );
  }

  #now(): number {
    return Date.now() + this.aheadMs;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    this.requests.push(`${request.method} ${request.url}`);
    response.setHeader('date', new Date(this.#now()).toUTCString());
    if (this.failing === 'never') return;
    try {
      if (this.failing !== null && typeof this.failing === 'object') throw new Refused(this.failing);
      const body = Buffer.concat(chunks);
      this.#requireSignature(request, body);
      const answer = this.#handle(request, body);
      response.end(answer);
    } catch (thrown) {
      if (!(thrown instanceof Refused)) throw thrown;
      const { status, code } = thrown.refusal;
      const { accessKeyId, secretAccessKey } = FakeBucket.credentials;
      response.statusCode = status;
      if (status >= 300 && status < 400) response.setHeader('location', `${this.endpoint}/elsewhere`);
      response.end(
        `<?xml version="1.0"?><Error><Code>${code}</Code><Message>no</Message><AWSAccessKeyId>${accessKeyId}</AWSAccessKeyId>
         <StringToSign>${secretAccessKey}</StringToSign></Error>`,
      );
    }
  }

  #handle(request: IncomingMessage, body: Buffer): Buffer | string {
    const url = new URL(request.url ?? '', this.endpoint);
    const [, bucket, ...rest] = url.pathname.split('/').map(decodeURIComponent);
    if (bucket !== this.name) return refuse(404, 'NoSuchBucket');
    const key = rest.join('/');
    if (request.method === 'PUT') return this.#put(key, body, request);
    if (url.searchParams.has('object-lock')) {
      if (!this.objectLock) refuse(404, 'ObjectLockConfigurationNotFoundError');
      return '<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>';
    }
    if (url.searchParams.has('versions')) return this.#list(url.searchParams);
    const version = this.objects.get(key)?.find(({ id }) => id === url.searchParams.get('versionId'));
    return version?.body ?? refuse(404, 'NoSuchVersion');
  }

  #put(key: string, body: Buffer, { headers }: IncomingMessage): string {
    const versions = this.objects.get(key) ?? [];
    const mode = headers['x-amz-object-lock-mode'] as string | undefined;
    const until = Date.parse((headers['x-amz-object-lock-retain-until-date'] as string | undefined) ?? '');
    if (mode !== undefined && !this.objectLock) refuse(400, 'InvalidRequest');
    if (mode !== undefined && headers['content-md5'] === undefined) refuse(400, 'InvalidRequest');
    if (mode !== undefined && !(until > this.#now())) refuse(400, 'InvalidArgument');
    if (headers['content-md5'] !== hash('md5', body).digest('base64')) refuse(400, 'BadDigest');
    if (headers['if-none-match'] !== undefined && !this.conditions) refuse(501, 'NotImplemented');
    if (headers['if-none-match'] === '*' && versions.at(-1)?.body) refuse(412, 'PreconditionFailed');
    this.objects.set(key, [...versions, { id: randomUUID(), at: this.#now(), body, mode, until }]);
    return '';
  }

  #list(query: URLSearchParams): string {
    const text = (name: string): string => query.get(name) ?? '';
    if (this.failing === 'endless') {
      return `<ListVersionsResult><IsTruncated>true</IsTruncated><NextKeyMarker>${text('prefix')}a</NextKeyMarker></ListVersionsResult>`;
    }
    const [prefix, delimiter, marker, versionMarker] = ['prefix', 'delimiter', 'key-marker', 'version-id-marker'].map(text) as [string, string, string, string]; // prettier-ignore
    const entries = this.keys
      .filter((key) => key.startsWith(prefix) && (key > marker || (key === marker && versionMarker !== '')))
      .flatMap((key) => {
        const versions = (this.objects.get(key) ?? []).map((version) => ({ key, version }));
        const listed = this.oldestFirst ? versions : versions.toReversed();
        const before = key === marker ? listed.findIndex(({ version }) => version.id === versionMarker) + 1 : 0;
        return listed.slice(before);
      });
    const folderOf = (key: string): string | undefined => {
      const at = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
      return at === -1 ? undefined : key.slice(0, at + 1);
    };
    const page = entries.slice(0, this.pageSize);
    const last = page.at(-1);
    const folders = new Set(page.flatMap(({ key }) => folderOf(key) ?? []));
    const elements = page.map(({ key, version }) => {
      if (folderOf(key) !== undefined) return '';
      const element = version.body === null ? 'DeleteMarker' : 'Version';
      const at = new Date(version.at).toISOString();
      return `<${element}><Key>${encodeURIComponent(key)}</Key><VersionId>${version.id}</VersionId><LastModified>${at}</LastModified></${element}>`;
    });
    const truncated = entries.length > page.length;
    const next =
      this.failing === 'cut'
        ? ''
        : `<NextKeyMarker>${encodeURIComponent(last?.key ?? '')}</NextKeyMarker><NextVersionIdMarker>${last?.version.id}</NextVersionIdMarker>`;
    return `<?xml version="1.0"?><ListVersionsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
      <IsTruncated>${truncated}</IsTruncated>${truncated ? next : ''}${elements.join('')}
      ${[...folders].map((name) => `<CommonPrefixes><Prefix>${encodeURIComponent(name)}</Prefix></CommonPrefixes>`).join('')}
    </ListVersionsResult>`;
  }

  /** From what arrived on the wire, byte for byte; nothing of it is shared with the client under test. */
  #requireSignature(request: IncomingMessage, body: Buffer): void {
    const { headers, method = '', url = '' } = request;
    const given =
      /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request,\s*SignedHeaders=([a-z0-9;-]+),\s*Signature=([0-9a-f]{64})$/.exec(
        headers.authorization ?? '',
      ) ?? refuse(403, 'AccessDenied');
    const [, accessKeyId = '', day = '', region = '', names = '', signature = ''] = given;
    if (accessKeyId !== FakeBucket.credentials.accessKeyId) refuse(403, 'InvalidAccessKeyId');
    if (region !== FakeBucket.region) refuse(400, 'AuthorizationHeaderMalformed');
    const time = String(headers['x-amz-date']);
    const at = Date.parse(time.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
    if (Number.isNaN(at) || !time.startsWith(day)) refuse(403, 'AccessDenied');
    if (Math.abs(at - this.#now()) > SKEW_MS) refuse(403, 'RequestTimeTooSkewed');
    const signed = names.split(';');
    const mustBe = ['host', ...Object.keys(headers).filter((name) => name.startsWith('x-amz-'))];
    if (mustBe.some((name) => !signed.includes(name))) refuse(403, 'AccessDenied');
    const payload = hash('sha256', body).digest('hex');
    if (headers['x-amz-content-sha256'] !== payload) refuse(400, 'XAmzContentSHA256Mismatch');
    const [path = '', search = ''] = url.split('?');
    const query = search === '' ? [] : search.split('&').map((pair) => (pair.includes('=') ? pair : `${pair}=`));
    let canonical = `${method}\n${path}\n${query.toSorted().join('&')}\n`;
    for (const name of signed.toSorted()) canonical += `${name}:${String(headers[name]).trim()}\n`;
    canonical += `\n${names}\n${payload}`;
    const scope = `${day}/${region}/s3/aws4_request`;
    let key: Buffer | string = `AWS4${FakeBucket.credentials.secretAccessKey}`;
    for (const part of scope.split('/')) key = createHmac('sha256', key).update(part).digest();
    const text = `AWS4-HMAC-SHA256\n${time}\n${scope}\n${hash('sha256', canonical).digest('hex')}`;
    if (createHmac('sha256', key).update(text).digest('hex') !== signature) refuse(403, 'SignatureDoesNotMatch');
  }
}
