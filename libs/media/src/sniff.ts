import { open, stat } from 'node:fs/promises';
import { UnderstudyError } from '@understudy/contracts';

export const MEDIA_CONTAINERS = ['mov', 'matroska', 'avi', 'mpegts', 'png', 'jpeg'] as const;
export type MediaContainer = (typeof MEDIA_CONTAINERS)[number];

const HEAD_BYTES = 4096;
const MOV_ATOMS = new Set(['ftyp', 'moov', 'mdat', 'free', 'skip', 'wide', 'pnot']);
/** Text that names other files: reading it would let a file choose what is opened. */
const PLAYLIST =
  /^\s*(#EXT|ffconcat|\[playlist\]|\[reference\]|<asx|file\s|https?:|rtsp:)|<(MPD|SmoothStreamingMedia|playlist|smil)\b/i;
const DRAWING = /<svg[\s>]/i;
const KNOWN_OTHERS: readonly (readonly [RegExp, string])[] = [
  [/^GIF8/, 'GIF'],
  [/^RIFF....WEBP/s, 'WebP'],
  [/^RIFF....WAVE/s, 'WAVE sound'],
  [/^ID3|^\xff[\xfb\xf3\xf2]/, 'MP3 sound'],
  [/^OggS/, 'Ogg'],
  [/^fLaC/, 'FLAC sound'],
  [/^..\x2b\x34/s, 'MXF'],
  [/^FLV/, 'FLV'],
  [/^\x30\x26\xb2\x75/, 'Windows Media'],
  [/^(II\*\0|MM\0\*)/, 'TIFF'],
  [/^BM/, 'BMP'],
  [/^\x76\x2f\x31/, 'OpenEXR'],
  [/^(SDPX|XPDS)/, 'DPX'],
];

/**
 * Says what a file is by its first bytes, before ffmpeg sees it; its name plays no part.
 *
 * @throws EMPTY_MEDIA, PLAYLIST_REFUSED, UNSUPPORTED_MEDIA (known, not taken), NOT_A_VIDEO, UNREADABLE_MEDIA (no such
 * file, a folder, a device).
 */
export async function sniffMedia(path: string): Promise<{ container: MediaContainer; bytes: number }> {
  const { head, bytes } = await readHead(path);
  if (bytes === 0) throw new UnderstudyError('EMPTY_MEDIA', 'the file is empty', { details: { path } });
  const container = containerOf(head);
  if (container) return { container, bytes };
  const text = head.toString('latin1');
  if (PLAYLIST.test(text.replace(/^\xef\xbb\xbf/, ''))) {
    throw new UnderstudyError(
      'PLAYLIST_REFUSED',
      'the file is a playlist that refers to other files; give the media itself',
      {
        details: { path },
      },
    );
  }
  const other = DRAWING.test(text) ? 'an SVG drawing' : KNOWN_OTHERS.find(([pattern]) => pattern.test(text))?.[1];
  if (other) {
    throw new UnderstudyError(
      'UNSUPPORTED_MEDIA',
      `the file is ${other}; give MP4, MOV, Matroska, WebM, AVI, MPEG-TS, PNG or JPEG`,
      { details: { path, reason: 'container' } },
    );
  }
  throw new UnderstudyError('NOT_A_VIDEO', 'the file is neither a clip nor a picture of a kind that is known here', {
    details: { path },
  });
}

async function readHead(path: string): Promise<{ head: Buffer; bytes: number }> {
  try {
    const info = await stat(path);
    // A FIFO or a device would block or never end.
    if (!info.isFile()) throw new Error('not a regular file');
    const file = await open(path, 'r');
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
      return { head: buffer.subarray(0, bytesRead), bytes: info.size };
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw new UnderstudyError('UNREADABLE_MEDIA', 'the file cannot be opened; check that it exists and may be read', {
      cause,
      details: { path, reason: 'open' },
    });
  }
}

function containerOf(head: Buffer): MediaContainer | undefined {
  const ascii = (from: number, to: number) => head.toString('latin1', from, to);
  if (head.length >= 8 && MOV_ATOMS.has(ascii(4, 8))) return 'mov';
  if (head.length >= 4 && head.readUInt32BE(0) === 0x1a45dfa3) return 'matroska';
  if (ascii(0, 4) === 'RIFF' && ascii(8, 12) === 'AVI ') return 'avi';
  if (ascii(0, 8) === '\x89PNG\r\n\x1a\n') return 'png';
  if (head.length >= 3 && head[0] === 0xff && head[1] === 0xd8 && head[2] === 0xff) return 'jpeg';
  // Sync bytes of five packets, plain (188) or with a time code of four bytes before each (192).
  const synced = (start: number, step: number) => [0, 1, 2, 3, 4].every((i) => head[start + i * step] === 0x47);
  if (synced(0, 188) || synced(4, 192)) return 'mpegts';
  return undefined;
}
