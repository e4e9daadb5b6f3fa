import { type EnrolResult, UnderstudyError } from '@understudy/contracts';
import { type FaceModels, facesOfImage, openFaceModels, recogniserOf, templateOf } from '@understudy/face';
import type { Frame } from '@understudy/frame';
import { ensureDefaultPack, type ModelPack } from '@understudy/inference';
import { probePlate, readFrames } from '@understudy/media';
import type { FaceReader } from '../job/casting.js';

export interface DetailedFaceReader extends FaceReader {
  /** With the name of the recogniser: templates of different ones are never compared. */
  detailed(path: string): Promise<EnrolResult>;
}

interface Loaded {
  readonly pack: ModelPack;
  readonly models: FaceModels;
}

let loaded: Promise<Loaded> | null = null;

/** Reads faces in this process, by the same rules as a lane does; the models are opened on first use and kept. */
export function createFaceReader(homeDir: string): DetailedFaceReader {
  const detailed = async (path: string): Promise<EnrolResult> => {
    loaded ??= load(homeDir);
    const { pack, models } = await loaded;
    try {
      return templateOf(await facesOfImage(models, await readStill(path)), recogniserOf(pack));
    } catch (thrown) {
      if (thrown instanceof UnderstudyError)
        throw new UnderstudyError(thrown.code, `${path}: ${thrown.message}`, {
          cause: thrown,
          ...(thrown.details === undefined ? {} : { details: thrown.details }),
        });
      throw thrown;
    }
  };
  const readFace = async (path: string): Promise<Float32Array> => {
    const bytes = Buffer.from((await detailed(path)).template, 'base64');
    return new Float32Array(new Uint8Array(bytes).buffer);
  };
  return Object.assign(readFace, { detailed });
}

async function load(homeDir: string): Promise<Loaded> {
  const pack = await ensureDefaultPack(homeDir);
  return { pack, models: await openFaceModels(pack) };
}

async function readStill(path: string): Promise<Frame> {
  const plate = await probePlate(path);
  if (!plate.isStill)
    throw new UnderstudyError('UNSUPPORTED_MEDIA', 'a picture of a person is a still image; give a PNG or JPEG');
  for await (const { frame } of readFrames({ path, plate, startFrame: 0, endFrame: 1 })) return frame;
  throw new UnderstudyError('UNREADABLE_MEDIA', 'the image holds no picture');
}
