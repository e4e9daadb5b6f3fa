import { joinSegments, openSegmentWriter, probePlate, readFrames, verifyDelivery } from '@understudy/media';

/** Cuts a plate in two at any frame, passes every frame through `work`, and joins the halves again. */
export async function throughTwoShards(platePath: string, folder: string, work: (luma: ArrayLike<number>) => void) {
  const plate = await probePlate(platePath);
  const middle = Math.ceil(plate.frameCount / 2);
  const segments: string[] = [];
  for (const [startFrame, endFrame] of [
    [0, middle],
    [middle, plate.frameCount],
  ] as const) {
    const path = `${folder}/segment-${startFrame}.mp4`;
    const writer = await openSegmentWriter({ path, plate, encoding: { mode: 'lossless' } });
    for await (const { frame } of readFrames({ path: platePath, plate, startFrame, endFrame })) {
      work(frame.planes[0].samples);
      await writer.write(frame);
    }
    await writer.finish();
    segments.push(path);
  }
  const output = `${folder}/output.mp4`;
  await joinSegments({ segments, plate, platePath, output });
  return verifyDelivery(output, { plate, segments });
}
