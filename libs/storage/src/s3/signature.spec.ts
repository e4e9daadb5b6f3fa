import { describe, expect, it } from 'vitest';
import { canonicalRequest, signedHeaders, signingKey, stringToSign, type UnsignedRequest } from './signature.js';

/** The examples of the Amazon S3 API reference, "Signature Calculations for the Authorization Header". */
const CREDENTIALS = {
  region: 'us-east-1',
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
};
const AT = new Date('2013-05-24T00:00:00Z');
const request = (given: Partial<UnsignedRequest>): UnsignedRequest => ({
  method: 'GET',
  host: 'examplebucket.s3.amazonaws.com',
  path: '/',
  query: {},
  headers: {},
  body: new Uint8Array(),
  ...given,
});
const signature = (given: Partial<UnsignedRequest>): string | undefined =>
  signedHeaders(request(given), CREDENTIALS, AT)['authorization']?.split('Signature=')[1];

describe('a signature of version 4', () => {
  it('is that of the published examples', () => {
    expect(signature({ path: '/test.txt', headers: { Range: 'bytes=0-9' } })).toBe(
      'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
    );
    expect(
      signature({
        method: 'PUT',
        path: '/test$file.text',
        headers: { Date: 'Fri, 24 May 2013 00:00:00 GMT', 'x-amz-storage-class': 'REDUCED_REDUNDANCY' },
        body: Buffer.from('Welcome to Amazon S3.'),
      }),
    ).toBe('98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd');
    expect(signature({ query: { lifecycle: '' } })).toBe(
      'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
    );
    expect(signature({ query: { prefix: 'J', 'max-keys': '2' } })).toBe(
      '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
    );
  });

  it('is made of the published canonical request and string to sign', () => {
    const empty = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
    const headers = {
      'X-Amz-Date': '20130524T000000Z',
      'x-amz-content-sha256': empty,
      host: 'examplebucket.s3.amazonaws.com',
      Range: '  bytes=0-9 ',
    };
    const canonical = canonicalRequest(request({ path: '/test.txt' }), headers);
    expect(canonical.split('\n')).toEqual([
      'GET',
      '/test.txt',
      '',
      'host:examplebucket.s3.amazonaws.com',
      'range:bytes=0-9',
      `x-amz-content-sha256:${empty}`,
      'x-amz-date:20130524T000000Z',
      '',
      'host;range;x-amz-content-sha256;x-amz-date',
      empty,
    ]);
    expect(stringToSign(canonical, 'us-east-1', AT).split('\n')).toEqual([
      'AWS4-HMAC-SHA256',
      '20130524T000000Z',
      '20130524/us-east-1/s3/aws4_request',
      '7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972',
    ]);
  });

  it('names key, scope and headers, and never holds the secret', () => {
    const headers = signedHeaders(request({ query: { versions: '' } }), CREDENTIALS, AT);
    expect(headers['authorization']).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE\/20130524\/us-east-1\/s3\/aws4_request,SignedHeaders=host;x-amz-content-sha256;x-amz-date,Signature=[0-9a-f]{64}$/,
    );
    expect(JSON.stringify(headers)).not.toContain(CREDENTIALS.secretAccessKey);
    expect(signingKey(CREDENTIALS, AT)).not.toEqual(signingKey({ ...CREDENTIALS, region: 'eu-north-1' }, AT));
  });

  it('is another for each thing that is signed', () => {
    const sound = signature({ path: '/one', query: { a: '1' }, headers: { 'x-amz-object-lock-mode': 'COMPLIANCE' } });
    for (const changed of [
      { path: '/two', query: { a: '1' }, headers: { 'x-amz-object-lock-mode': 'COMPLIANCE' } },
      { path: '/one', query: { a: '2' }, headers: { 'x-amz-object-lock-mode': 'COMPLIANCE' } },
      { path: '/one', query: { a: '1' }, headers: { 'x-amz-object-lock-mode': 'GOVERNANCE' } },
      { path: '/one', query: { a: '1' }, headers: { 'x-amz-object-lock-mode': 'COMPLIANCE' }, body: Buffer.from('x') },
    ])
      expect(signature(changed)).not.toBe(sound);
  });
});
