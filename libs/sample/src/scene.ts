import { setTimeout as pause } from 'node:timers/promises';
import sharp from 'sharp';

import { lightRoom, paintRoom } from './background.js';
import { bodyAt, expressionAt, lightAt, planPerformance, poseAt, type Performance } from './performance.js';
import type { Person } from './person.js';
import type { RgbImage } from './picture.js';
import { paintAppearance, seat, type Appearance, type Sitter } from './portrait.js';
import { PosedHead } from './face-drawing.js';
import { truthOf, type FaceTruth } from './truth.js';

/** Who is in a clip, where, and how they move. */
export interface Casting {
  readonly person: Person;
  /** Resting place of the midpoint between the eyes, pixels. */
  readonly x: number;
  readonly y: number;
  /** Pixels that the whole person moves to the right from one frame to the next. */
  readonly walkPx?: number;
  /** Pixels of one head unit; a face is about 2.7 units high. */
  readonly unitPx: number;
  readonly performanceSeed: number;
  /** Lowest pitch of the voice, hertz. */
  readonly pitchHz?: number;
  /** Where the face turns on the whole, and how far from there, degrees. */
  readonly facing?: number;
  readonly yaw?: number;
}

export interface SceneOptions {
  readonly width: number;
  readonly height: number;
  readonly framesPerSecond: number;
  readonly frames: number;
  readonly cast: readonly Casting[];
  /** Standard deviation of a blur over the whole picture, pixels. */
  readonly blurPx?: number;
  readonly roomSeed?: number;
}

export interface DrawnFrame {
  readonly picture: RgbImage;
  /** In the order of the cast. */
  readonly faces: readonly FaceTruth[];
}

interface Player {
  readonly casting: Casting;
  readonly sitter: Sitter;
  readonly performance: Performance;
}

/** A room with people who move and talk. Any frame can be drawn on its own and is always the same. */
export class Scene {
  private constructor(
    readonly options: SceneOptions,
    private readonly room: RgbImage,
    private readonly players: readonly Player[],
  ) {}

  static async open(options: SceneOptions): Promise<Scene> {
    const durationS = options.frames / options.framesPerSecond;
    const room = await paintRoom(options.width, options.height, options.roomSeed);
    const players = await Promise.all(
      options.cast.map(async (casting) => ({
        casting,
        sitter: await seat(casting.person),
        performance: planPerformance({
          seed: casting.performanceSeed,
          durationS,
          pitchHz: casting.pitchHz ?? 150,
          ...(casting.yaw === undefined ? {} : { yaw: casting.yaw }),
          ...(casting.facing === undefined ? {} : { facing: casting.facing }),
        }),
      })),
    );
    return new Scene(options, room, players);
  }

  get performances(): readonly Performance[] {
    return this.players.map(({ performance }) => performance);
  }

  /** What is true of frame `index`, counted from 0, without drawing it. */
  truthAt(index: number): FaceTruth[] {
    return this.appearancesAt(index).map(({ sitter, pose, expression }) =>
      truthOf(new PosedHead(sitter.person, pose, expression, sitter.head), this.options),
    );
  }

  /** Draws frame `index`, counted from 0. */
  async draw(index: number): Promise<DrawnFrame> {
    const { light, glow } = lightAt(index / this.options.framesPerSecond);
    const picture = lightRoom(this.room, glow);
    const faces: FaceTruth[] = [];
    for (const appearance of this.appearancesAt(index)) {
      faces.push(truthOf(await paintAppearance(picture, appearance, light), picture));
    }
    const { blurPx } = this.options;
    return { picture: blurPx ? await blurred(picture, blurPx) : picture, faces };
  }

  private appearancesAt(index: number): Appearance[] {
    const timeS = index / this.options.framesPerSecond;
    return this.players.map(({ casting: asCast, sitter, performance }) => {
      const casting = { ...asCast, x: asCast.x + (asCast.walkPx ?? 0) * index };
      const pose = poseAt(performance, timeS, casting, casting.unitPx);
      return { sitter, pose, expression: expressionAt(performance, timeS), body: bodyAt(casting, pose) };
    });
  }

  /** Draws all frames in order, two at a time. */
  async *frames(signal?: AbortSignal): AsyncGenerator<DrawnFrame> {
    const ahead: Promise<DrawnFrame>[] = [];
    try {
      for (let index = 0; index < this.options.frames; index += 1) {
        signal?.throwIfAborted();
        ahead.push(this.draw(index));
        if (ahead.length < 2) continue;
        const next = ahead.shift();
        if (next) yield await next;
        // Lets timers and signals in between: drawing keeps the thread busy.
        await pause(0);
      }
      for (const last of ahead.splice(0)) yield await last;
    } finally {
      await Promise.allSettled(ahead);
    }
  }
}

async function blurred(picture: RgbImage, sigma: number): Promise<RgbImage> {
  const { width, height } = picture;
  const data = await sharp(picture.data, { raw: { width, height, channels: 3 } })
    .blur(sigma)
    .raw()
    .toBuffer();
  return { width, height, data };
}
