import { type Track, createFaceAnalyser, linkTracks } from '@understudy/face';
import type { Frame } from '@understudy/frame';
import { ensureDefaultPack } from '@understudy/inference';

/** Who is where in a clip. */
export async function tracksOf(clip: AsyncIterable<Frame>, dataDir: string): Promise<Track[]> {
  const analyser = await createFaceAnalyser(await ensureDefaultPack(dataDir), { threads: 1 });
  const frames = [];
  let size = { width: 0, height: 0 };
  for await (const frame of clip) {
    frames.push(await analyser.analyseFrame(frame, frames.length));
    size = frame.spec;
  }
  await analyser.release();
  return linkTracks(frames, { frameCount: frames.length, width: size.width, height: size.height });
}
