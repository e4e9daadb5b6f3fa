import type { Frame, FrameSpec } from '@understudy/frame';
import { allocateFrame, pasteRgb } from '@understudy/frame';
import sharp from 'sharp';

/** A drawn person; what differs between two of them is enough for the recogniser to tell them apart. */
export interface Look {
  readonly skin: string;
  readonly shade: string;
  readonly hair: string;
  readonly iris: string;
  /** Half distance of the eyes and width of the face, for a face 200 high. */
  readonly eyes: number;
  readonly width: number;
  readonly brow: number;
  readonly nose: number;
  readonly lips: number;
  readonly beard: boolean;
  readonly glasses: boolean;
}

export const ADA: Look = {
  skin: '#e8b998',
  shade: '#a8694a',
  hair: '#2b1b12',
  iris: '#5a3a1e',
  eyes: 33,
  width: 74,
  brow: 5,
  nose: 12,
  lips: 26,
  beard: false,
  glasses: false,
};
export const BEN: Look = {
  skin: '#c98e6b',
  shade: '#6b3e26',
  hair: '#8a8480',
  iris: '#3c6b8f',
  eyes: 27,
  width: 86,
  brow: 11,
  nose: 20,
  lips: 34,
  beard: true,
  glasses: true,
};

/** Where a drawn face is: the middle between the eyes, pixels per unit of the drawing, roll in degrees. */
export interface Placement {
  readonly x: number;
  readonly y: number;
  readonly scale: number;
  readonly roll?: number;
  /** 0 closed .. 1 wide open */
  readonly mouth?: number;
  readonly look: Look;
}

export interface Truth {
  readonly eyes: readonly [readonly [number, number], readonly [number, number]];
  readonly mouthCorners: readonly [readonly [number, number], readonly [number, number]];
  /** Half distance of the lips' inner edges in the picture, as drawn. */
  readonly mouthGap: number;
  /** The skin's upright box: hairline to chin. */
  readonly box: { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
}

const MOUTH_Y = 68;

export function truthOf({ x, y, scale, roll = 0, mouth = 0, look }: Placement): Truth {
  const angle = (roll * Math.PI) / 180;
  const at = (u: number, v: number): [number, number] => [
    x + scale * (u * Math.cos(angle) - v * Math.sin(angle)),
    y + scale * (u * Math.sin(angle) + v * Math.cos(angle)),
  ];
  const outline = Array.from({ length: 72 }, (_, i) => (i * Math.PI) / 36).map((t) =>
    at(look.width * Math.cos(t), 18 + 100 * Math.sin(t)),
  );
  const xs = outline.map(([u]) => u);
  const ys = outline.map(([, v]) => v);
  const [left, top] = [Math.min(...xs), Math.min(...ys)];
  return {
    eyes: [at(-look.eyes, 0), at(look.eyes, 0)],
    mouthCorners: [at(-look.lips, MOUTH_Y), at(look.lips, MOUTH_Y)],
    mouthGap: scale * 14 * mouth,
    box: { x: left, y: top, width: Math.max(...xs) - left, height: Math.max(...ys) - top },
  };
}

function eye(u: number, look: Look): string {
  return `<ellipse cx="${u}" cy="0" rx="15" ry="7.5" fill="#f6f2ee" stroke="#3a2318" stroke-width="2.2"/>
    <circle cx="${u}" cy="0" r="6.8" fill="${look.iris}"/><circle cx="${u}" cy="0" r="3" fill="#111"/>
    <circle cx="${u + 2}" cy="-2" r="1.4" fill="#fff"/>
    <path d="M ${u - 18} -18 Q ${u} ${-27 - look.brow} ${u + 18} -18" fill="none" stroke="${look.hair}" stroke-width="${look.brow}"/>`;
}

function person({ x, y, scale, roll = 0, mouth = 0, look }: Placement, id: number): string {
  const gap = 14 * mouth;
  const { width, nose, lips } = look;
  const beard = look.beard
    ? `<path d="M ${-width + 4} 40 Q ${-width + 10} 125 0 122 Q ${width - 10} 125 ${width - 4} 40 Q ${width - 26} 60 ${lips + 8} 58 L ${-lips - 8} 58 Q ${-width + 26} 60 ${-width + 4} 40" fill="${look.hair}" opacity="0.75"/>`
    : '';
  const glasses = look.glasses
    ? `<g fill="none" stroke="#15151a" stroke-width="3.5"><circle cx="${-look.eyes}" cy="1" r="20"/><circle cx="${look.eyes}" cy="1" r="20"/><path d="M ${20 - look.eyes} 0 L ${look.eyes - 20} 0"/></g>`
    : '';
  return `<radialGradient id="skin${id}" cx="45%" cy="40%" r="70%"><stop offset="0" stop-color="${look.skin}"/><stop offset="1" stop-color="${look.shade}"/></radialGradient>
  <g transform="translate(${x} ${y}) rotate(${roll}) scale(${scale})">
    <rect x="-30" y="90" width="60" height="70" fill="${look.shade}"/>
    <ellipse cx="0" cy="-8" rx="${width + 14}" ry="100" fill="${look.hair}"/>
    <ellipse cx="0" cy="18" rx="${width}" ry="100" fill="url(#skin${id})"/>
    <path d="M ${-width} -10 Q ${-width * 0.6} -92 0 -80 Q ${width * 0.6} -92 ${width} -10 Q ${width} -105 0 -108 Q ${-width} -105 ${-width} -10" fill="${look.hair}"/>
    ${beard}${eye(-look.eyes, look)}${eye(look.eyes, look)}${glasses}
    <path d="M -4 5 L ${-nose} 40 Q 0 48 ${nose} 40" fill="none" stroke="${look.shade}" stroke-width="3"/>
    <circle cx="-6" cy="41" r="2.6" fill="#3a1d14"/><circle cx="6" cy="41" r="2.6" fill="#3a1d14"/>
    <path d="M ${-lips} ${MOUTH_Y} Q 0 ${MOUTH_Y - 12 - gap} ${lips} ${MOUTH_Y} Q 0 ${MOUTH_Y + 16 + gap} ${-lips} ${MOUTH_Y}" fill="#a5483f"/>
    <path d="M ${-lips + 3} ${MOUTH_Y} Q 0 ${MOUTH_Y - 1 - 2 * gap} ${lips - 3} ${MOUTH_Y} Q 0 ${MOUTH_Y + 1 + 2 * gap} ${-lips + 3} ${MOUTH_Y}" fill="#3b0f0f"/>
  </g>`;
}

/** A picture of drawn people over a soft background, as a frame of any format. */
export async function drawFrame(
  people: readonly Placement[],
  spec: FrameSpec = { width: 640, height: 480, format: 'yuv420p', matrix: 'bt709', range: 'tv' },
): Promise<Frame> {
  const { width, height } = spec;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">
    <linearGradient id="wall" x1="0" y1="0" x2="1" y2="1"><stop offset="0" stop-color="#7d8a93"/><stop offset="1" stop-color="#4b4f57"/></linearGradient>
    <rect width="${width}" height="${height}" fill="url(#wall)"/>${people.map(person).join('')}</svg>`;
  const { data } = await sharp(Buffer.from(svg)).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const count = width * height;
  const rgb = new Float32Array(3 * count);
  for (let i = 0; i < count; i++) for (let c = 0; c < 3; c++) rgb[c * count + i] = data[3 * i + c]!;
  const frame = allocateFrame(spec);
  pasteRgb(frame, { x: 0, y: 0, width, height }, { width, height, rgb, mask: new Float32Array(count).fill(1) });
  return frame;
}
