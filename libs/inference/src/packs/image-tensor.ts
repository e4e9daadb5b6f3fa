import type { ImageInput, ImageOutput } from '@understudy/contracts';

const clamp = (value: number, low: number, high: number) => (value < low ? low : value > high ? high : value);

/** The plane of R'G'B' that a network's channel is. */
const planeOf = (image: ImageInput, channel: number) => (image.colourOrder === 'rgb' ? channel : 2 - channel);

/**
 * A picture as a network wants it.
 *
 * @param rgb R plane, G plane, B plane, each `count` samples of 0..255; what lies outside is clamped.
 * @returns `3 * count` numbers in the contract's channel order and layout.
 */
export function toTensor(rgb: Float32Array, image: ImageInput): Float32Array {
  const count = rgb.length / 3;
  const out = new Float32Array(rgb.length);
  for (let channel = 0; channel < 3; channel++) {
    const from = planeOf(image, channel) * count;
    const [mean, std] = [image.mean[channel]!, image.std[channel]!];
    const step = image.layout === 'nchw' ? 1 : 3;
    const start = image.layout === 'nchw' ? channel * count : channel;
    for (let i = 0; i < count; i++) {
      out[start + i * step] = (clamp(rgb[from + i]!, 0, 255) / image.range - mean) / std;
    }
  }
  return out;
}

/** The way back: a network's picture as R, G and B planes of 0..255, clamped. Channels and layout are the input's. */
export function fromTensor(data: Float32Array, image: ImageInput, output: ImageOutput): Float32Array {
  const count = data.length / 3;
  const rgb = new Float32Array(data.length);
  const [low, high] = output.clamp ?? [-Infinity, Infinity];
  for (let channel = 0; channel < 3; channel++) {
    const to = planeOf(image, channel) * count;
    const [mean, std] = [output.mean[channel]!, output.std[channel]!];
    const step = image.layout === 'nchw' ? 1 : 3;
    const start = image.layout === 'nchw' ? channel * count : channel;
    for (let i = 0; i < count; i++) {
      const value = clamp(data[start + i * step]!, low, high);
      rgb[to + i] = clamp(255 * (value * std + mean), 0, 255);
    }
  }
  return rgb;
}

/** Shape of one picture of this side. */
export function imageShape(image: ImageInput, side: number): number[] {
  return image.layout === 'nchw' ? [1, 3, side, side] : [1, side, side, 3];
}
