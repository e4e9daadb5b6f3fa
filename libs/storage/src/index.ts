export { outageOf } from './disk-errors.js';
export { FolderStore, type FolderStoreOptions } from './folder-store.js';
export type {
  ByteRange,
  DataKeys,
  ListedObject,
  ObjectStore,
  ProjectObjects,
  PutOptions,
  StoredObject,
} from './object-store.js';
export { UnsealedObjects } from './unsealed-objects.js';
export { LockedBucket, type LockedBucketOptions } from './s3/locked-bucket.js';
export type { ObjectVersion } from './s3/listing.js';
