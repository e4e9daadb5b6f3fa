import { execFileSync } from 'node:child_process';

export interface Picture {
  readonly height: number;
  at(x: number, y: number): number[];
}

export function frameMd5s(path: string): string[] {
  const text = execFileSync('ffmpeg', ['-v', 'error', '-i', path, '-map', '0:v', '-f', 'framemd5', '-'], {
    encoding: 'utf8',
  });
  const rows = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return rows.map((row) => row.split(',').at(-1)?.trim() ?? '');
}

/** The tenth frame of a clip of 360 pixels' width. */
export function picture(path: string): Picture {
  const select = ['-vf', "select='eq(n,9)'", '-frames:v', '1', '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-'];
  const bytes = execFileSync('ffmpeg', ['-v', 'error', '-i', path, ...select], { maxBuffer: 64 * 1024 * 1024 });
  return {
    height: bytes.length / 3 / 360,
    at: (x, y) => [...bytes.subarray(3 * (360 * y + x), 3 * (360 * y + x) + 3)],
  };
}
