import { describe, expect, it } from 'vitest';
import { chooseFormat, readColour, type ColourTags } from './colour.js';
import { parseDisplayMatrix } from './orientation.js';

const EVEN = { width: 64, height: 48, turned: false };
const UNTAGGED: ColourTags = { range: null, matrix: null, primaries: null, transfer: null, chromaLocation: null };

describe('chooseFormat', () => {
  it.each([
    ['yuv420p', EVEN, { format: 'yuv420p', rawFormat: 'yuv420p', converted: false, losses: [] }],
    ['yuvj422p', EVEN, { format: 'yuv422p', rawFormat: 'yuvj422p', converted: false, losses: [] }],
    ['yuv420p10le', EVEN, { format: 'yuv420p10le', rawFormat: 'yuv420p10le', converted: false, losses: [] }],
    ['nv12', EVEN, { format: 'yuv420p', rawFormat: 'yuv420p', converted: true, losses: [] }],
    ['rgba', EVEN, { format: 'gbrp', rawFormat: 'gbrp', converted: true, losses: ['alpha'] }],
    ['yuvj420p', { ...EVEN, width: 63 }, { format: 'yuv444p', rawFormat: 'yuvj444p', converted: true, losses: [] }],
    ['yuv422p', { ...EVEN, height: 47 }, { format: 'yuv422p', rawFormat: 'yuv422p', converted: false, losses: [] }],
    [
      'yuv422p10le',
      { ...EVEN, turned: true },
      { format: 'yuv444p10le', rawFormat: 'yuv444p10le', converted: true, losses: [] },
    ],
  ] as const)('%s', (source, demands, choice) => {
    expect(chooseFormat(source, demands)).toEqual(choice);
  });

  it.each(['yuv420p12le', 'rgb48le', 'gbrpf32le', 'yuv410p', 'bayer_rggb8'])('refuses %s', (source) => {
    expect(() => chooseFormat(source, EVEN)).toThrow(expect.objectContaining({ code: 'UNSUPPORTED_MEDIA' }));
  });
});

describe('readColour', () => {
  it('believes tags', () => {
    const tags = { ...UNTAGGED, range: 'pc', matrix: 'smpte170m' } as const;
    expect(readColour(tags, 'yuv420p', 'yuv420p', 1080)).toEqual({
      colour: { matrix: 'bt601', range: 'pc' },
      guessed: [],
    });
  });

  it('guesses what is missing and says so', () => {
    expect(readColour(UNTAGGED, 'yuv420p', 'yuv420p', 480)).toEqual({
      colour: { matrix: 'bt601', range: 'tv' },
      guessed: ['range', 'matrix'],
    });
    expect(readColour(UNTAGGED, 'yuv420p', 'yuvj420p', 720)).toEqual({
      colour: { matrix: 'bt709', range: 'pc' },
      guessed: ['matrix'],
    });
    expect(readColour(UNTAGGED, 'gbrp', 'rgb24', 720)).toEqual({ colour: { matrix: 'gbr', range: 'pc' }, guessed: [] });
  });

  it.each(['ycgco', 'ictcp', 'bt2020c', 'constructor'])('refuses the matrix %s', (matrix) => {
    expect(() => readColour({ ...UNTAGGED, matrix }, 'yuv420p', 'yuv420p', 720)).toThrow(
      expect.objectContaining({ code: 'UNSUPPORTED_MEDIA' }),
    );
  });
});

describe('parseDisplayMatrix', () => {
  it.each([
    [matrix(1, 0, 0, 1), 'upright'],
    [matrix(0, 1, -1, 0), 'rotate-90'],
    [matrix(-1, 0, 0, -1), 'rotate-180'],
    [matrix(0, -1, 1, 0), 'rotate-270'],
    [matrix(-1, 0, 0, 1), 'flip-horizontal'],
    [matrix(0, 1, 1, 0), 'transpose'],
    [matrix(1, 1, -1, 1), null],
    ['nonsense', null],
  ])('%j', (text, orientation) => {
    expect(parseDisplayMatrix(text)).toBe(orientation);
  });
});

function matrix(a: number, b: number, c: number, d: number): string {
  return `\n00000000: ${a * 65536} ${b * 65536} 0\n00000001: ${c * 65536} ${d * 65536} 0\n00000002: 0 0 1073741824\n`;
}
