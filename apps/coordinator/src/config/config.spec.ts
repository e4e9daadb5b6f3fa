import { describe, expect, it } from 'vitest';
import { bucketSettings } from './anchor-settings.js';
import { parseConfig } from './config.js';

const LEAST = { DATABASE_URL: 'postgres://app@127.0.0.1/farm', DATA_DIR: '/data', SECRET_KEY: 'ab'.repeat(32) };

describe('parseConfig', () => {
  it('fills in defaults, and refuses the local profile unless it is asked for', () => {
    expect(parseConfig(LEAST)).toMatchObject({ HOST: '127.0.0.1', LEASE_SECONDS: 10, ALLOW_LOCAL_PROFILE: false });
    expect(parseConfig({ ...LEAST, ALLOW_LOCAL_PROFILE: '1' }).ALLOW_LOCAL_PROFILE).toBe(true);
  });

  it('takes an empty variable for an absent one', () => {
    expect(parseConfig({ ...LEAST, QUEUE_URL: '', PORT: '' })).not.toHaveProperty('QUEUE_URL');
  });

  it('names every variable at fault and never shows a value', () => {
    const secret = 'not-a-key';
    expect(() => parseConfig({ SECRET_KEY: secret, PORT: '99999' })).toThrow(
      /PORT.*DATABASE_URL.*DATA_DIR.*SECRET_KEY/,
    );
    expect(() => parseConfig({ SECRET_KEY: secret })).not.toThrow(new RegExp(secret));
  });
});

describe('a bucket of anchors', () => {
  const WHOLE = {
    ...LEAST,
    AUDIT_ANCHOR_S3: 's3://anchors/farm/log',
    AUDIT_ANCHOR_S3_REGION: 'eu-north-1',
    AUDIT_ANCHOR_S3_ACCESS_KEY_ID: 'AKIATEST',
    AUDIT_ANCHOR_S3_SECRET_ACCESS_KEY: 'a-secret-of-the-bucket',
    AUDIT_ANCHOR_S3_RETENTION_DAYS: '400',
  };

  it('is named by its address, and is of Amazon unless an endpoint is named', () => {
    expect(bucketSettings(parseConfig(WHOLE))).toEqual({
      bucket: 'anchors',
      prefix: 'farm/log/',
      endpoint: 'https://s3.eu-north-1.amazonaws.com',
      region: 'eu-north-1',
      accessKeyId: 'AKIATEST',
      secretAccessKey: 'a-secret-of-the-bucket',
      retentionDays: 400,
      everySeconds: 10,
    });
    const given = { AUDIT_ANCHOR_S3: 's3://anchors', AUDIT_ANCHOR_S3_ENDPOINT: 'http://127.0.0.1:9000/' };
    expect(bucketSettings(parseConfig({ ...WHOLE, ...given }))).toMatchObject({
      prefix: '',
      endpoint: given.AUDIT_ANCHOR_S3_ENDPOINT,
    });
    expect(bucketSettings(parseConfig(LEAST))).toBeNull();
  });

  it.each([
    ['AUDIT_ANCHOR_S3', 'https://anchors/farm', /AUDIT_ANCHOR_S3: must be s3:/],
    ['AUDIT_ANCHOR_S3', 's3://anchors/../other', /AUDIT_ANCHOR_S3: must be s3:/],
    ['AUDIT_ANCHOR_S3_ENDPOINT', 'http://storage.example', /AUDIT_ANCHOR_S3_ENDPOINT: must be https/],
    ['AUDIT_ANCHOR_S3_ENDPOINT', 'https://storage.example/anchors', /AUDIT_ANCHOR_S3_ENDPOINT: must be without a path/],
    ['AUDIT_ANCHOR_S3_RETENTION_DAYS', '0', /AUDIT_ANCHOR_S3_RETENTION_DAYS/],
    ['AUDIT_ANCHOR_S3_RETENTION_DAYS', '', /AUDIT_ANCHOR_S3_RETENTION_DAYS: is missing beside AUDIT_ANCHOR_S3/],
    ['AUDIT_ANCHOR_S3_REGION', '', /AUDIT_ANCHOR_S3_REGION: is missing/],
    ['AUDIT_ANCHOR_S3_SECRET_ACCESS_KEY', '', /AUDIT_ANCHOR_S3_SECRET_ACCESS_KEY: is missing/],
    ['AUDIT_ANCHOR_S3', '', /AUDIT_ANCHOR_S3_REGION: is of no use without AUDIT_ANCHOR_S3/],
    ['AUDIT_ANCHOR_DIR', '/anchors', /AUDIT_ANCHOR_DIR: .*name one/],
  ])('is refused at the start with %s %j', (name, value, said) => {
    const wrong = () => parseConfig({ ...WHOLE, [name]: value });
    expect(wrong).toThrow(said);
    expect(wrong).not.toThrow(/a-secret-of-the-bucket/);
  });
});
