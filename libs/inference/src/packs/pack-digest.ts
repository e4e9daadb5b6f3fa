import { type ModelManifestDocument, pinnedText } from '@understudy/contracts';

import { sha256Of } from './pack-files.js';

/** What a plan pins of a pack: SHA-256 of its manifest, and so of every file that it names by hash. */
export function packDigest(manifest: ModelManifestDocument): string {
  return sha256Of(Buffer.from(pinnedText(manifest)));
}
