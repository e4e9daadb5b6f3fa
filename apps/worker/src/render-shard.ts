import type { FaceProbe, RestoredTrack } from '@understudy/contracts';
import { keepUnderMatte, wrapFrame } from '@understudy/frame';
import type { Encoding, PlateInfo, SegmentResult } from '@understudy/media';

import { type FramesToTake, startDecoder, startEncoder, takenFrames, together } from './frames/pipeline.js';
import { FrameRing, type RingMemory } from './frames/ring.js';
import type { LaneControl } from './lane/control.js';
import type { FrameProber, FrameProcessor } from './render/steps.js';
import { Stopwatch } from './render/stopwatch.js';

export interface ShardOptions {
  readonly platePath: string;
  readonly plate: PlateInfo;
  /** Half-open range of frames. */
  readonly startFrame: number;
  readonly endFrame: number;
  /** A clip of the plate's frames and size: the plate stays where it is black. */
  readonly matte?: { readonly path: string; readonly info: PlateInfo } | undefined;
  readonly encoding: Encoding;
  readonly segmentPath: string;
  readonly control: LaneControl;
  readonly decoderThreads: number;
  /** They share the frames out among themselves. */
  readonly renderers: readonly FrameRenderer[];
}

/** Renders the frames of a shard that no other one takes. */
export type FrameRenderer = (frames: ShardFrames) => Promise<RenderedFrames>;

/** Where a shard's frames come from and go to. */
export interface ShardFrames {
  readonly decoded: FramesToTake;
  readonly matte?: FramesToTake | undefined;
  readonly rendered: RingMemory;
}

export interface RenderedFrames {
  readonly probes: readonly FaceProbe[];
  /** Wall milliseconds by step. */
  readonly timingsMs: Readonly<Record<string, number>>;
  /** How strongly faces were restored in the whole shard: every thread knows the same. */
  readonly restored: readonly RestoredTrack[];
}

export interface RenderedShard extends RenderedFrames {
  readonly segment: SegmentResult;
}

/**
 * Renders exactly the frames `[startFrame, endFrame)` into a segment.
 *
 * A thread decodes ahead into one ring, any number process, a thread encodes behind from another, and a matte has a thread
 * and a ring of its own: memory is the rings', however long the range. No frame depends on another, so a range cut anywhere,
 * among any number of threads, gives the same samples.
 *
 * @throws Stopped when the lane's control says so, else what a step failed with; then nothing is left at the path.
 */
export async function renderShard(options: ShardOptions): Promise<RenderedShard> {
  const { platePath, plate, startFrame, endFrame, matte, segmentPath, encoding, control, renderers } = options;
  const range = { startFrame, endFrame, control, threads: options.decoderThreads, readers: renderers.length };
  const decoder = startDecoder({ ...range, path: platePath, plate });
  const matteDecoder = matte === undefined ? null : startDecoder({ ...range, path: matte.path, plate: matte.info });
  const sink = { path: segmentPath, frames: endFrame - startFrame, writers: renderers.length };
  const encoder = startEncoder({ ...sink, plate, encoding, control });
  const frames = { decoded: decoder.frames, rendered: encoder.ring, matte: matteDecoder?.frames };
  const rings = [encoder.ring, decoder.frames.ring, ...(matteDecoder === null ? [] : [matteDecoder.frames.ring])];
  const stopwatch = new Stopwatch();
  const rendering = together<RenderedFrames[]>(
    rings,
    renderers.map((render) => render(frames)),
  );
  void rendering.then(
    () => stopwatch.enter('finish'),
    () => {},
  );
  const [rendered, segment] = await together<[RenderedFrames[], SegmentResult, void, void]>(rings, [
    rendering,
    encoder.result,
    decoder.result,
    matteDecoder?.result ?? Promise.resolve(),
  ]);
  return {
    segment,
    probes: rendered.flatMap(({ probes }) => probes).sort((a, b) => a.frame - b.frame),
    restored: rendered[0]?.restored ?? [],
    timingsMs: { ...meanOf(rendered.map(({ timingsMs }) => timingsMs)), ...stopwatch.times() },
  };
}

/** Of threads that worked side by side. */
function meanOf(timings: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const one of timings) {
    for (const [step, ms] of Object.entries(one)) sums[step] = (sums[step] ?? 0) + ms / timings.length;
  }
  return sums;
}

/** One thread's share of a shard. @throws Stopped, RingBroken, what a step failed with */
export async function renderFrames(
  { decoded, matte, rendered }: ShardFrames,
  prepare: () => Promise<{ processors: readonly FrameProcessor[]; prober?: FrameProber | undefined }>,
  control: LaneControl,
): Promise<RenderedFrames> {
  const stopwatch = new Stopwatch();
  stopwatch.enter('prepare');
  const { processors, prober } = await prepare();
  const sink = new FrameRing(rendered);
  const mattes = matte === undefined ? null : { ring: new FrameRing(matte.ring), spec: matte.spec };
  const probed = prober === undefined ? new Set<number>() : framesToProbe(decoded.startFrame, decoded.endFrame);
  const probes: FaceProbe[] = [];
  stopwatch.enter('awaitDecoder');
  for await (const { frame, frameNumber, position } of takenFrames(decoded, control)) {
    stopwatch.enter('awaitEncoder');
    const output = wrapFrame(decoded.spec, await sink.reserve(position));
    output.bytes.set(frame.bytes);
    for (const processor of processors) {
      stopwatch.enter(processor.name);
      await processor.apply(output, frameNumber);
    }
    if (mattes !== null) {
      stopwatch.enter('matte');
      keepUnderMatte(output, frame, wrapFrame(mattes.spec, await mattes.ring.frame(position)));
      mattes.ring.release(position);
    }
    if (prober !== undefined && probed.has(frameNumber)) {
      stopwatch.enter('probe');
      probes.push(...(await prober.measure(frame, output, frameNumber)));
    }
    sink.commit(position);
    stopwatch.enter('awaitDecoder');
  }
  const { startFrame, endFrame } = decoded;
  const restored = processors.flatMap((processor) => processor.restored?.(startFrame, endFrame) ?? []);
  return { probes, restored, timingsMs: stopwatch.times() };
}

const PROBE_PERIOD = 8;
const LEAST_PROBES = 3;

/** Every eighth frame of the plate, and at least three of a shard that has them. */
export function framesToProbe(startFrame: number, endFrame: number): Set<number> {
  const frames = new Set<number>();
  for (let frame = Math.ceil(startFrame / PROBE_PERIOD) * PROBE_PERIOD; frame < endFrame; frame += PROBE_PERIOD) {
    frames.add(frame);
  }
  const last = endFrame - 1;
  for (const frame of [startFrame, Math.floor((startFrame + last) / 2), last]) {
    if (frames.size < LEAST_PROBES) frames.add(frame);
  }
  return frames;
}
