import { UnderstudyError } from '@understudy/contracts';
import { audioStartS, plateStartS, videoStartS } from './delivery-streams.js';
import { codedVideo, frameHash, frameHashes, hashOfFrameHashes } from './frame-hash.js';
import { frameSpec, type PlateInfo } from './plate-info.js';
import { probePlate } from './probe-plate.js';
import { probeStreams, type ProbedFile, type ProbedStream } from './probe-streams.js';
import { parseRational, sameInstant, type Rational } from './rational.js';
import { readFrames } from './read-frames.js';
import { sniffMedia, type MediaContainer } from './sniff.js';
import { expectedTraits, traitsOf } from './stream-traits.js';
import { deliveryTimes } from './timing.js';
import { readVideoPackets, type VideoPacket } from './video-packets.js';

export interface DeliveryExpectation {
  readonly plate: PlateInfo;
  /** The segments that were joined, in order. */
  readonly segments: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

export interface DeliveryReport {
  /** Counted by packets and by decoding. */
  readonly frames: number;
  readonly durationS: number;
  /** One hash over the decoded frames, as `decodedHash` gives it. */
  readonly decodedHash: string;
  /** For each sound stream: its start relative to the first frame, in the delivery and in the plate. */
  readonly audio: readonly { readonly codec: string; readonly startS: number; readonly plateStartS: number }[];
}

/**
 * Proves that a delivery is what it should be: the plate's frame count by packets and by decoding, its timestamps
 * exactly (within a tick in Matroska, whose clock is coarse), its tags, its sound where it was, and frame for frame what
 * the segments hold.
 *
 * @throws JOIN_MISMATCH with what differs in `details`; CANCELLED
 */
export async function verifyDelivery(path: string, expectation: DeliveryExpectation): Promise<DeliveryReport> {
  return expectation.plate.isStill ? verifyStill(path, expectation) : verifyClip(path, expectation);
}

async function verifyClip(path: string, { plate, segments, signal }: DeliveryExpectation): Promise<DeliveryReport> {
  // By content: a store may keep it under a name without an extension.
  const { container } = await sniffMedia(path);
  const file = await probeStreams(path, container, { signal });
  const stream = file.streams.find((s) => s.codec_type === 'video' && s.disposition['attached_pic'] !== 1);
  if (!stream) throw mismatch('the delivery holds no video', { path });
  requireTraits(plate, stream);
  const timeBase = parseRational(stream.time_base) as Rational;
  const packets = await readVideoPackets(path, container, stream.index, { signal });
  const shown = packets.map(({ pts }) => pts).sort((a, b) => a - b);
  requireTimes(plate, shown, timeBase, container);
  if (plate.isConstantRate && container === 'mov') requireEvenCoding(packets);
  const audio = compareAudio(plate, file, ((shown[0] as number) * timeBase.num) / timeBase.den, container);
  await requireSegmentPackets(path, segments, signal);
  const decoded = await frameHashes(path, { signal });
  if (decoded.length !== plate.frameCount) {
    throw mismatch('not every frame of the delivery decodes', { expected: plate.frameCount, got: decoded.length });
  }
  const { frameCount: frames, durationS } = plate;
  return { frames, durationS, decodedHash: hashOfFrameHashes(decoded), audio };
}

function requireTraits(plate: PlateInfo, stream: ProbedStream): void {
  const [expected, got] = [expectedTraits(plate), traitsOf(stream)];
  const differing = (Object.keys(expected) as (keyof typeof expected)[]).filter(
    (trait) => expected[trait] !== got[trait],
  );
  if (differing.length > 0) throw mismatch('the delivery does not look like the plate', { differing, expected, got });
}

function requireTimes(plate: PlateInfo, shown: readonly number[], timeBase: Rational, container: MediaContainer): void {
  const times = deliveryTimes(plate);
  if (shown.length !== times.count) {
    throw mismatch('the delivery has another number of frames', { expected: times.count, got: shown.length });
  }
  const first = shown[0] as number;
  const ticks = (seconds: number) => (seconds * timeBase.den) / timeBase.num;
  const startOff = Math.abs(first - ticks(videoStartS(plate) - plateStartS(plate)));
  if (startOff > 1) throw mismatch('the first frame of the delivery is not where it was', { pts: first });
  const isOff = (pts: number, n: number) => {
    const wanted = times.at(n);
    if (sameInstant(pts - first, timeBase, wanted, times.timeBase)) return false;
    const wantedTicks = ticks((wanted * times.timeBase.num) / times.timeBase.den);
    return container !== 'matroska' || Math.abs(pts - first - wantedTicks) > 1;
  };
  const frame = shown.findIndex(isOff);
  if (frame >= 0) throw mismatch('a timestamp of the delivery is not the plate’s', { frame, pts: shown[frame] });
}

/** Coding times in even steps, none after its frame is shown: else a player stutters where segments meet. */
function requireEvenCoding(packets: readonly VideoPacket[]): void {
  const step = (packets[1]?.dts ?? 0) - (packets[0]?.dts ?? 0);
  const packet = packets.findIndex(({ pts, dts }, n) => {
    const before = packets[n - 1]?.dts ?? (dts ?? 0) - step;
    return dts === null || dts > pts || dts - before !== step;
  });
  if (packet >= 0) throw mismatch('the delivery’s coding times are uneven', { packet, dts: packets[packet]?.dts });
}

const AAC_RUN_UP_SAMPLES = 1024;

function compareAudio(plate: PlateInfo, file: ProbedFile, firstFrameS: number, container: MediaContainer) {
  const streams = file.streams.filter((stream) => stream.codec_type === 'audio');
  if (streams.length !== plate.audio.length) {
    throw mismatch('the delivery has another number of sound streams', {
      expected: plate.audio.length,
      got: streams.length,
    });
  }
  return plate.audio.map((source, n) => {
    const stream = streams[n] as ProbedStream;
    const { num, den } = parseRational(stream.time_base) as Rational;
    const startS = ((stream.start_pts ?? 0) * num) / den - firstFrameS;
    const expectedS = audioStartS(source) - videoStartS(plate);
    // A sample, a tick of the plate's clock, and the microseconds in which ffmpeg takes offsets.
    const tickS = Math.max(source.timeBase.num / source.timeBase.den, container === 'matroska' ? 0.001 : 0);
    const slackS = tickS + 1 / source.sampleRate + 2e-6;
    // An encoder's silent run-up stands before sound that starts late, as nothing there can hide it.
    const runUpS =
      stream.codec_name !== source.codec && startS < expectedS ? AAC_RUN_UP_SAMPLES / source.sampleRate : 0;
    if (Math.abs(startS - expectedS) > slackS + runUpS) {
      throw mismatch('the sound does not start where it did', { stream: n, startS, expectedS });
    }
    return { codec: stream.codec_name, startS, plateStartS: expectedS };
  });
}

/** The join copies: packet for packet the segments', under the same parameter sets, so that it decodes to their frames. */
async function requireSegmentPackets(path: string, segments: readonly string[], signal: AbortSignal | undefined) {
  const joined = await codedVideo(path, { signal });
  let frame = 0;
  for (const [position, segment] of segments.entries()) {
    const { parameters, packets } = await codedVideo(segment, { signal });
    if (parameters !== joined.parameters) throw mismatch('a segment is coded by other parameters', { position });
    for (const hash of packets) {
      if (joined.packets[frame] !== hash) {
        throw mismatch('a frame of the delivery is not the segment’s', { frame, position });
      }
      frame++;
    }
  }
  if (frame !== joined.packets.length) throw mismatch('the delivery has frames that no segment holds', { frame });
}

/** A still: it decodes, upright and of the plate's size; a PNG of RGB samples holds exactly the segment's. */
async function verifyStill(path: string, { plate, segments, signal }: DeliveryExpectation): Promise<DeliveryReport> {
  const picture = await probePlate(path, { signal });
  const { width, height } = frameSpec(plate);
  if (!picture.isStill || picture.video.width !== width || picture.video.height !== height) {
    throw mismatch('the picture has another size than the plate', { expected: `${width}x${height}` });
  }
  const exact = picture.container === 'png' && plate.video.format === 'gbrp';
  const range = { path, plate: picture, startFrame: 0, endFrame: 1, signal };
  const decoded: string[] = [];
  for await (const { frame } of readFrames(range)) decoded.push(frameHash(frame.bytes));
  if (exact) {
    const [segment = ''] = segments;
    const [hash] = await frameHashes(segment, { signal });
    if (decoded[0] !== hash) throw mismatch('the picture is not the segment’s', {});
  }
  return { frames: 1, durationS: plate.durationS, decodedHash: hashOfFrameHashes(decoded), audio: [] };
}

function mismatch(message: string, details: Record<string, unknown>): UnderstudyError {
  return new UnderstudyError('JOIN_MISMATCH', message, { details });
}
