import type { FaceProbe } from '@understudy/contracts';
import { keepUnderMatte, wrapFrame } from '@understudy/frame';
import { type Encoding, type PlateInfo, type SegmentResult, frameSpec } from '@understudy/media';

import { decodedFrames } from './frames/frame-source.js';
import type { LaneControl } from './lane/control.js';
import { MatteReader } from './render/matte-reader.js';
import type { FrameProber, FrameProcessor } from './render/steps.js';
import { SegmentSink } from './render/segment-sink.js';
import { Stopwatch } from './render/stopwatch.js';

export interface ShardOptions {
  readonly platePath: string;
  readonly plate: PlateInfo;
  /** Half-open range of frames. */
  readonly startFrame: number;
  readonly endFrame: number;
  readonly processors: readonly FrameProcessor[];
  readonly prober?: FrameProber | undefined;
  /** A clip of the plate's frames and size: the plate stays where it is black. */
  readonly matte?: { readonly path: string; readonly info: PlateInfo } | undefined;
  readonly encoding: Encoding;
  readonly segmentPath: string;
  readonly control: LaneControl;
}

export interface RenderedShard {
  readonly segment: SegmentResult;
  readonly probes: readonly FaceProbe[];
  readonly timingsMs: Readonly<Record<string, number>>;
}

/**
 * Renders exactly the frames `[startFrame, endFrame)` into a segment.
 *
 * A thread decodes ahead into one ring, this thread processes, a thread encodes behind from another, and a matte has a thread
 * and a ring of its own: memory is the rings', however long the range. No frame depends on another, so a range cut anywhere gives the same samples.
 *
 * @throws Stopped when the lane's control says so, else what a step failed with; then nothing is left at the path.
 */
export async function renderShard(options: ShardOptions): Promise<RenderedShard> {
  const { plate, startFrame, endFrame, processors, prober, control, segmentPath, encoding } = options;
  const spec = frameSpec(plate);
  const sink = new SegmentSink({ path: segmentPath, plate, encoding, control });
  const probed = prober === undefined ? new Set<number>() : framesToProbe(startFrame, endFrame);
  const probes: FaceProbe[] = [];
  const stopwatch = new Stopwatch();
  const matte = options.matte === undefined ? null : new MatteReader({ ...options, matte: options.matte });
  try {
    stopwatch.enter('awaitDecoder');
    for await (const { frame, frameNumber } of decodedFrames(options)) {
      stopwatch.enter('awaitEncoder');
      const output = wrapFrame(spec, await sink.reserve());
      output.bytes.set(frame.bytes);
      for (const processor of processors) {
        stopwatch.enter(processor.name);
        await processor.apply(output, frameNumber);
      }
      if (matte !== null) {
        stopwatch.enter('matte');
        keepUnderMatte(output, frame, await matte.next(frameNumber));
      }
      if (prober !== undefined && probed.has(frameNumber)) {
        stopwatch.enter('probe');
        probes.push(...(await prober.measure(frame, output, frameNumber)));
      }
      sink.commit(frameNumber);
      control.framesDone += 1;
      stopwatch.enter('awaitDecoder');
    }
    stopwatch.enter('finish');
    await matte?.finish();
    const segment = await sink.finish();
    return { segment, probes, timingsMs: stopwatch.times() };
  } finally {
    await matte?.close();
    await sink.abandon();
  }
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
