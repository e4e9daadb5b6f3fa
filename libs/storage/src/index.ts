export { FolderStore } from './folder-store.js';
export type { ByteRange, ObjectStore, PutOptions, StoredObject } from './object-store.js';
