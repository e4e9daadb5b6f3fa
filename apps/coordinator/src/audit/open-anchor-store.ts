import { join } from 'node:path';
import { LockedBucket } from '@understudy/storage';
import { bucketSettings } from '../config/anchor-settings.js';
import type { Config } from '../config/config.js';
import type { AnchorStore } from './anchor-store.js';
import { BucketAnchors } from './bucket-anchors.js';
import { FolderAnchors } from './folder-anchors.js';

/** Where the settings say that anchors are kept. */
export function openAnchorStore(config: Config): AnchorStore {
  const bucket = bucketSettings(config);
  if (bucket === null) return new FolderAnchors(config.AUDIT_ANCHOR_DIR ?? join(config.DATA_DIR, 'audit', 'anchor'));
  return new BucketAnchors(new LockedBucket(bucket), bucket.prefix, bucket.everySeconds);
}
