import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FaceObservation, UnderstudyError } from '@understudy/contracts';
import {
  DEFAULT_REPLACE_SETTINGS,
  type FaceModels,
  faceAnalyser,
  facesOfImage,
  measureFace,
  openFaceModels,
  prepareIdentity,
  prepareReplaceTrack,
  replaceFace,
} from '@understudy/face';
import { allocateFrame, cropRgb, type Frame, wrapFrame } from '@understudy/frame';
import { crewOf, ensureDefaultPack } from '@understudy/inference';
import { frameSpec, joinSegments, openSegmentWriter, type PlateInfo, probePlate, readFrames } from '@understudy/media';
import { CpuMeter, cpuMsOf } from './cpu-meter.js';
import type { LaneClip } from './lane-clip.js';
import { LANE_ENCODING } from './lane-job.js';

/** Frames held in memory to meter the work on them; evenly spread over the clip. */
const HELD_FRAMES = 48;
/** A lane probes one frame in eight. */
const PROBE_PERIOD = 8;
/** The clip is decoded once to be analysed and once to be rendered. */
const DECODED_TIMES = 2;

export interface StageOptions {
  readonly homeDir: string;
  /** Of a lane. */
  readonly threads: number;
  readonly onStep: (step: string) => void;
  readonly signal: AbortSignal;
}

/** Processor milliseconds that each stage of the job takes for one frame of the clip, each alone on the machine. */
export async function stageCosts(clip: LaneClip, options: StageOptions): Promise<Record<string, number>> {
  const { homeDir, threads, onStep, signal } = options;
  const inside = crewOf({ provider: 'cpu', threads }).threads;
  const plate = await probePlate(clip.path);
  const folder = await mkdtemp(join(tmpdir(), 'understudy-bench-'));
  const models = await openFaceModels(await ensureDefaultPack(homeDir), { threads: inside });
  try {
    onStep('what decoding, encoding and joining take');
    const media = await mediaCosts(clip.path, plate, folder, options);
    onStep('what analysing and replacing take');
    const frames = await heldFrames(clip.path, plate, signal);
    const faces = await faceCosts(models, frames, clip);
    return { ...media, ...faces };
  } finally {
    await models.release();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Frames a second that these costs allow on so many cores when none of them ever waits. */
export function ceilingFps(stages: Readonly<Record<string, number>>, cores: number): number {
  return (1000 * cores) / Object.values(stages).reduce((sum, ms) => sum + ms, 0);
}

async function mediaCosts(path: string, plate: PlateInfo, folder: string, { threads, signal }: StageOptions) {
  const whole = { path, plate, startFrame: 0, endFrame: plate.frameCount, threads, signal };
  // One buffer, as a lane's ring has a few: fresh memory for each frame would be metered too.
  const buffer = allocateFrame(frameSpec(plate));
  const target = (): Frame => buffer;
  const decodeMs = await cpuMsOf(async () => {
    for await (const { frame } of readFrames({ ...whole, target })) void frame;
  });
  const segment = join(folder, 'segment.mp4');
  const bothMs = await cpuMsOf(async () => {
    const writer = await openSegmentWriter({ path: segment, plate, encoding: LANE_ENCODING, signal });
    for await (const { frame } of readFrames({ ...whole, target })) await writer.write(frame);
    await writer.finish();
  });
  const output = join(folder, 'joined.mp4');
  const joinMs = await cpuMsOf(() => joinSegments({ segments: [segment], plate, platePath: path, output, signal }));
  const perFrame = (ms: number): number => ms / plate.frameCount;
  return {
    decode: DECODED_TIMES * perFrame(decodeMs),
    encode: perFrame(Math.max(0, bothMs - decodeMs)),
    join: perFrame(joinMs),
  };
}

async function heldFrames(path: string, plate: PlateInfo, signal: AbortSignal): Promise<Frame[]> {
  const every = Math.max(1, Math.floor(plate.frameCount / HELD_FRAMES));
  const frames: Frame[] = [];
  for await (const { frame, frameNumber } of readFrames({
    path,
    plate,
    startFrame: 0,
    endFrame: plate.frameCount,
    signal,
  })) {
    if (frameNumber % every === 0 && frames.length < HELD_FRAMES) frames.push(frame);
  }
  return frames;
}

async function faceCosts(models: FaceModels, frames: readonly Frame[], clip: LaneClip) {
  const meter = new CpuMeter();
  const analyser = faceAnalyser(metered(models, meter));
  // The first frames pay for warming up; they are metered under a name that nobody reads.
  const warming = faceAnalyser(models);
  for (const frame of frames.slice(0, 4)) await warming.analyseFrame(frame, 0);
  const observations: FaceObservation[][] = [];
  for (const [number, frame] of frames.entries()) {
    observations.push(await meter.meter('appearance', () => analyser.analyseFrame(frame, number)));
  }
  const chosen = observations.map((faces) => largest(faces));
  const identity = await identityOf(models, clip);
  const track = prepareReplaceTrack(
    identity,
    chosen.flatMap((face) => (face === undefined ? [] : [face.landmarks])),
    DEFAULT_REPLACE_SETTINGS,
  );
  for (const [number, frame] of frames.entries()) {
    const face = chosen[number];
    const copy = await meter.meter('copy', () => wrapFrame(frame.spec, frame.bytes.slice()));
    if (face === undefined) continue;
    await meter.meter('replace', () => replaceFace(copy, track, face.landmarks));
    if (number % PROBE_PERIOD === 0) await meter.meter('probe', () => probe(models, frame, copy, face));
  }
  const names = ['detect', 'landmarks', 'embed', 'appearance', 'copy', 'replace', 'probe'];
  return Object.fromEntries(names.map((name) => [name, meter.get(name) / frames.length]));
}

function metered(models: FaceModels, meter: CpuMeter): FaceModels {
  const { detector, landmarker, embedder } = models;
  return {
    detector: { ...detector, detect: (...args) => meter.meter('detect', () => detector.detect(...args)) },
    landmarker: { ...landmarker, locate: (...args) => meter.meter('landmarks', () => landmarker.locate(...args)) },
    embedder: {
      ...embedder,
      embedAligned: (...args) => meter.meter('embed', () => embedder.embedAligned(...args)),
    },
    release: () => models.release(),
  };
}

/** Likeness before, and the face found anew afterwards. */
async function probe(models: FaceModels, plate: Frame, output: Frame, face: FaceObservation): Promise<void> {
  await models.embedder.embed(plate, face.landmarks);
  await measureFace(models, output, face.box);
}

async function identityOf(models: FaceModels, { identities }: LaneClip) {
  const images = [];
  for (const path of identities) {
    const plate = await probePlate(path);
    for await (const { frame } of readFrames({ path, plate, startFrame: 0, endFrame: 1 })) {
      const [face] = await facesOfImage(models, frame);
      if (face === undefined) throw new UnderstudyError('NO_FACE', `${path} shows no face`);
      const { width, height } = frame.spec;
      const rgb = Uint8ClampedArray.from(cropRgb(frame, { x: 0, y: 0, width, height }, width, height, 'interleaved'));
      images.push({ rgb, width, height, landmarks: face.landmarks });
    }
  }
  return prepareIdentity(images, DEFAULT_REPLACE_SETTINGS);
}

function largest(faces: readonly FaceObservation[]): FaceObservation | undefined {
  return faces.toSorted((a, b) => b.box.width * b.box.height - a.box.width * a.box.height)[0];
}
