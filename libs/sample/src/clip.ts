import { rm, writeFile } from 'node:fs/promises';
import { openClipWriter } from '@understudy/media';

import { plateFrame, plateSpec } from './plate-frame.js';
import { Scene, type SceneOptions } from './scene.js';
import type { FaceTruth } from './truth.js';
import { speak, wavFile } from './voice.js';

export interface DrawClipOptions extends SceneOptions {
  /** Path of the MP4 to write. */
  readonly out: string;
  /** Voices with the picture; without it the clip is silent and has no sound track. */
  readonly sound?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (drawnFrames: number, frames: number) => void;
}

/** What is true of a whole drawn clip. */
export interface ClipTruth {
  readonly width: number;
  readonly height: number;
  readonly framesPerSecond: number;
  /** For each frame the faces in it, in the order of the cast. */
  readonly frames: readonly (readonly FaceTruth[])[];
}

/**
 * Draws a clip: H.264 (yuv420p, BT.709) with voices in AAC.
 *
 * @throws whatever the signal's reason is when aborted; nothing is left at `out` then.
 */
export async function drawClip(options: DrawClipOptions): Promise<ClipTruth> {
  const { width, height, framesPerSecond, signal } = options;
  const scene = await Scene.open(options);
  const wavPath = options.sound === false ? undefined : `${options.out}.wav`;
  if (wavPath) await writeFile(wavPath, voicesOf(scene));
  try {
    const writer = await openClipWriter({
      path: options.out,
      spec: plateSpec(width, height),
      rate: { num: framesPerSecond, den: 1 },
      encoding: { mode: 'delivery', crf: 15, preset: 'veryfast' },
      wavPath,
      // As cameras write: once a second, so that a range in the middle is reached without decoding all before it.
      keyFrameEvery: framesPerSecond,
      signal,
    });
    const frames: (readonly FaceTruth[])[] = [];
    try {
      for await (const { picture, faces } of scene.frames(signal)) {
        await writer.write(plateFrame(picture));
        frames.push(faces);
        options.onProgress?.(frames.length, options.frames);
      }
      await writer.finish();
    } catch (error) {
      await writer.abandon();
      throw error;
    }
    return { width, height, framesPerSecond, frames };
  } finally {
    if (wavPath) await rm(wavPath, { force: true });
  }
}

function voicesOf(scene: Scene): Buffer {
  const { width, frames, framesPerSecond, cast } = scene.options;
  const voices = scene.performances.map((performance, index) => ({
    performance,
    pan: (((cast[index]?.x ?? width / 2) / width) * 2 - 1) * 0.8,
  }));
  return wavFile(speak(voices, frames / framesPerSecond));
}
