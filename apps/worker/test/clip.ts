import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';

import type { AnalysisTable, ObjectRef } from '@understudy/contracts';
import { type PlateInfo, probePlate } from '@understudy/media';

const run = promisify(execFile);
export const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** Threads and lane processes run from the build. */
export async function buildWorker(): Promise<void> {
  await run(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-b', 'apps/worker'], { cwd: ROOT });
}

export interface Clip {
  readonly path: string;
  readonly plate: PlateInfo;
}

/** A moving picture with one key frame, so that ranges start in the middle of a long group. */
export async function drawClip(folder: string, frames: number, size = '320x240'): Promise<Clip> {
  const path = join(folder, `clip-${frames}.mp4`);
  const picture = `testsrc2=size=${size}:rate=24,noise=alls=8:allf=t`;
  const args = ['-v', 'error', '-y', '-f', 'lavfi', '-i', picture, '-frames:v', String(frames)];
  await run('ffmpeg', [...args, '-c:v', 'libx264', '-g', '1000', '-pix_fmt', 'yuv420p', '-preset', 'ultrafast', path]);
  return { path, plate: await probePlate(path) };
}

/** An analysis with one face that wanders across the picture. */
export function wanderingFace({ plate }: Clip): AnalysisTable {
  const { width, height } = plate.video;
  const faces = Array.from({ length: plate.frameCount }, (_, frame) => {
    const [x, y] = [width * (0.3 + 0.2 * Math.sin(frame / 9)), height * (0.3 + 0.1 * Math.cos(frame / 7))];
    const box = { x, y, width: width / 6, height: height / 4 };
    return { frame, landmarks: faceLandmarks(box), box, filled: false, confidence: 1 };
  });
  const track = { track: 0, startFrame: 0, endFrame: plate.frameCount, faces, uncertainFrames: [] };
  return { format: 'understudy-analysis/1', frameCount: plate.frameCount, width, height, tracks: [track] };
}

/** 68 points about where a face in this box has them: all that covering it needs. */
export function faceLandmarks(box: { x: number; y: number; width: number; height: number }): number[] {
  const at = (u: number, v: number) => [box.x + u * box.width, box.y + v * box.height];
  const arc = (count: number, u: number, v: number, radius: number) =>
    Array.from({ length: count }, (_, i) => {
      const angle = (Math.PI * 2 * i) / count;
      return at(u + radius * Math.cos(angle), v + radius * Math.sin(angle));
    }).flat();
  const jaw = Array.from({ length: 17 }, (_, i) => at(i / 16, 0.4 + 0.6 * Math.sin((Math.PI * i) / 16))).flat();
  return [
    ...jaw,
    ...arc(10, 0.5, 0.3, 0.3),
    ...arc(9, 0.5, 0.55, 0.1),
    ...arc(6, 0.3, 0.4, 0.08),
    ...arc(6, 0.7, 0.4, 0.08),
    ...arc(20, 0.5, 0.78, 0.15),
  ];
}

export function tableBytes(table: AnalysisTable): Buffer {
  return gzipSync(JSON.stringify(table));
}

/** An object as a lease names it, and its content under that address. */
export async function objectOf(content: string | Buffer, objects: Map<string, Buffer>): Promise<ObjectRef> {
  const bytes = typeof content === 'string' ? await readFile(content) : content;
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const url = `/api/v1/objects/${sha256}`;
  objects.set(url, bytes);
  return { sha256, bytes: bytes.length, mediaType: 'application/octet-stream', url };
}
