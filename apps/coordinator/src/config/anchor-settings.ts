import { z } from 'zod';
import { SecureUrl } from './secure-url.js';

/** A bucket's name, and a prefix of plain names with slashes between. */
const BUCKET = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])((?:\/[A-Za-z0-9][A-Za-z0-9._-]*)*)\/?$/;
/** As S3 has it: a hundred years. */
const MOST_RETENTION_DAYS = 36_500;

/** Where the audit log's checkpoints and leaf hashes are kept outside the database: a folder or a bucket. */
export const ANCHOR_SETTINGS = {
  /** Best a mount that can only be appended to. Default: in the data folder. */
  AUDIT_ANCHOR_DIR: z.string().min(1).optional(),
  /** `s3://bucket/prefix` with object lock, instead of a folder. */
  AUDIT_ANCHOR_S3: z
    .string()
    .regex(BUCKET, 'must be s3://bucket or s3://bucket/prefix, the prefix of letters, digits, dots, dashes and slashes')
    .transform((text) => {
      const [, bucket = '', prefix = ''] = BUCKET.exec(text) ?? [];
      return { bucket, prefix: prefix === '' ? '' : `${prefix.slice(1)}/` };
    })
    .optional(),
  /** Default: Amazon's of the region. */
  AUDIT_ANCHOR_S3_ENDPOINT: SecureUrl.refine(
    (text) => !URL.canParse(text) || ['/', ''].includes(text.slice(new URL(text).origin.length)),
    'must be without a path: the bucket is named in AUDIT_ANCHOR_S3',
  ).optional(),
  AUDIT_ANCHOR_S3_REGION: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "must be a region's name")
    .optional(),
  AUDIT_ANCHOR_S3_ACCESS_KEY_ID: z
    .string()
    .regex(/^[A-Za-z0-9_.+=@-]{3,128}$/, 'must be an access key id')
    .optional(),
  AUDIT_ANCHOR_S3_SECRET_ACCESS_KEY: z.string().min(8).max(500).optional(),
  /** How long nobody can delete or change what is put there. It cannot be shortened afterwards, so it has no default. */
  AUDIT_ANCHOR_S3_RETENTION_DAYS: z.coerce.number().int().min(1).max(MOST_RETENTION_DAYS).optional(),
  /** How often the log's growth is put there at most, but for what waits for its anchor. */
  AUDIT_ANCHOR_S3_SECONDS: z.coerce.number().min(1).max(3600).default(10),
} as const;

type AnchorSettings = z.output<z.ZodObject<typeof ANCHOR_SETTINGS>>;

const NEEDED = [
  'AUDIT_ANCHOR_S3_REGION',
  'AUDIT_ANCHOR_S3_ACCESS_KEY_ID',
  'AUDIT_ANCHOR_S3_SECRET_ACCESS_KEY',
  'AUDIT_ANCHOR_S3_RETENTION_DAYS',
] as const;

/** What does not go together: a bucket is named whole or not at all, and instead of a folder. */
export function anchorFaults(settings: AnchorSettings): { name: keyof AnchorSettings; message: string }[] {
  if (settings.AUDIT_ANCHOR_S3 === undefined) {
    return [...NEEDED, 'AUDIT_ANCHOR_S3_ENDPOINT' as const]
      .filter((name) => settings[name] !== undefined)
      .map((name) => ({ name, message: 'is of no use without AUDIT_ANCHOR_S3' }));
  }
  const missing = NEEDED.filter((name) => settings[name] === undefined);
  return [
    ...missing.map((name) => ({ name, message: 'is missing beside AUDIT_ANCHOR_S3' })),
    ...(settings.AUDIT_ANCHOR_DIR === undefined
      ? []
      : [
          {
            name: 'AUDIT_ANCHOR_DIR' as const,
            message: 'is one place for anchors and AUDIT_ANCHOR_S3 another; name one',
          },
        ]),
  ];
}

export interface BucketSettings {
  readonly bucket: string;
  /** Ends in a slash, or is empty. */
  readonly prefix: string;
  readonly endpoint: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly retentionDays: number;
  readonly everySeconds: number;
}

/** The bucket of anchors that `anchorFaults` found whole; null where anchors lie in a folder. */
export function bucketSettings(settings: AnchorSettings): BucketSettings | null {
  const {
    AUDIT_ANCHOR_S3: place,
    AUDIT_ANCHOR_S3_REGION: region,
    AUDIT_ANCHOR_S3_ACCESS_KEY_ID: accessKeyId,
    AUDIT_ANCHOR_S3_SECRET_ACCESS_KEY: secretAccessKey,
    AUDIT_ANCHOR_S3_RETENTION_DAYS: retentionDays,
    AUDIT_ANCHOR_S3_ENDPOINT: endpoint = `https://s3.${region}.amazonaws.com`,
    AUDIT_ANCHOR_S3_SECONDS: everySeconds,
  } = settings;
  if (place === undefined || region === undefined || accessKeyId === undefined) return null;
  if (secretAccessKey === undefined || retentionDays === undefined) return null;
  return { ...place, endpoint, region, accessKeyId, secretAccessKey, retentionDays, everySeconds };
}
