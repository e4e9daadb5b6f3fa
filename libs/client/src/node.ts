export * from './index.js';
export * from './node-client.js';
export type { ContentSource, UploadOptions, UploadedContent } from './upload.js';
export type { DownloadOptions, DownloadedContent } from './download.js';
