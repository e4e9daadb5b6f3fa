import { createHash } from 'node:crypto';
import { CommandLine, DEMUXERS } from './command.js';
import { HandedFiles } from './handed-files.js';
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
export async function frameHashes(path: string, options: HashOptions = {}): Promise<string[]> {
  const hashes: string[] = [];
  await eachHash(path, [], options, (line) => hashes.push(lastField(line)));
  return hashes;
}

/** A join repeats the parameter sets (NAL units 7 and 8) in front of each key frame; segments keep them in the header. */
const WITHOUT_PARAMETER_SETS = 'filter_units=remove_types=7-8';

/** What a clip's H.264 video is made of before decoding: equal coded video decodes to equal frames. */
export interface CodedVideo {
  /** Hash of the decoder's parameter sets; empty where the container carries none. */
  readonly parameters: string;
  /** Hash of each packet's bytes but the parameter sets, in coding order. */
  readonly packets: readonly string[];
}

/** Hashes the packets of a clip's H.264 video without decoding them. */
export async function codedVideo(path: string, options: HashOptions = {}): Promise<CodedVideo> {
  const packets: string[] = [];
  let parameters = '';
  await eachHash(
    path,
    ['-c', 'copy', '-bsf:v', WITHOUT_PARAMETER_SETS],
    options,
    (line) => packets.push(lastField(line)),
    (comment) => {
      if (comment.startsWith('#extradata')) parameters = lastField(comment);
    },
  );
  return { parameters, packets };
}

interface HashOptions {
  signal?: AbortSignal | undefined;
}

async function eachHash(
  path: string,
  codec: readonly string[],
  options: HashOptions,
  onHash: (line: string) => void,
  onComment: (line: string) => void = () => undefined,
): Promise<void> {
  const { container } = await sniffMedia(path);
  const still = container === 'png' || container === 'jpeg';
  const files = new HandedFiles();
  const args = new CommandLine()
    .input(files.read(path), { demuxer: DEMUXERS[container] })
    .output('pipe:1', [
      ['-map', '0:v:0', ...codec, '-fps_mode', 'passthrough', ...(still ? ['-frames:v', '1'] : [])],
      ['-f', 'framehash', '-hash', 'sha256'],
    ])
    .args();
  const run = {
    tool: 'ffmpeg' as const,
    args,
    failure: 'UNREADABLE_MEDIA' as const,
    files,
    details: { path },
  };
  await eachOutputLine({ ...run, ...options }, (line) => {
    if (line.startsWith('#')) onComment(line);
    else if (line.trim() !== '') onHash(line);
  });
}

function lastField(line: string): string {
  return (line.split(',').at(-1) ?? '').trim().slice(0, FRAME_HASH_DIGITS);
}

/** One hash over all decoded frames of a file. */
export async function decodedHash(path: string, options: HashOptions = {}): Promise<string> {
  return hashOfFrameHashes(await frameHashes(path, options));
}
