import { createHash } from 'node:crypto';
import { CommandLine, DEMUXERS, fileUrl } from './command.js';
import { eachOutputLine } from './run-tool.js';
import { sniffMedia } from './sniff.js';

/** Hex digits kept of a frame's SHA-256: 128 bits, enough to tell frames apart for certain. */
export const FRAME_HASH_DIGITS = 32;

/** Hash of one raw frame: the first 128 bits of the SHA-256 of its planes, hex. */
export function frameHash(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, FRAME_HASH_DIGITS);
}

/** One hash for a run of frames, from their hashes in order; equal runs of frames have equal hashes however split. */
export function hashOfFrameHashes(hashes: Iterable<string>): string {
  const hash = createHash('sha256');
  for (const value of hashes) hash.update(`${value}\n`);
  return hash.digest('hex');
}

/** Decodes a clip or still and hashes every frame as {@link frameHash} does, without moving frames through Node. */
export async function frameHashes(path: string, options: { signal?: AbortSignal | undefined } = {}): Promise<string[]> {
  const { container } = await sniffMedia(path);
  const still = container === 'png' || container === 'jpeg';
  const args = new CommandLine()
    .input(fileUrl(path), { demuxer: DEMUXERS[container] })
    .output('pipe:1', [
      ['-map', '0:v:0', '-fps_mode', 'passthrough', ...(still ? ['-frames:v', '1'] : [])],
      ['-f', 'framehash', '-hash', 'sha256'],
    ])
    .args();
  const hashes: string[] = [];
  const run = {
    tool: 'ffmpeg' as const,
    args,
    failure: 'UNREADABLE_MEDIA' as const,
    redact: [path],
    details: { path },
  };
  await eachOutputLine({ ...run, ...options }, (line) => {
    if (line.startsWith('#') || line.trim() === '') return;
    hashes.push((line.split(',').at(-1) ?? '').trim().slice(0, FRAME_HASH_DIGITS));
  });
  return hashes;
}

/** One hash over all decoded frames of a file. */
export async function decodedHash(path: string, options: { signal?: AbortSignal | undefined } = {}): Promise<string> {
  return hashOfFrameHashes(await frameHashes(path, options));
}
