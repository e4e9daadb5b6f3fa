import type { ImageInput, ImageOutput, PackTensor } from '@understudy/contracts';

type Shape = PackTensor['shape'];

export const tensor = (name: string, shape: Shape, type: PackTensor['type'] = 'float32'): PackTensor => ({
  name,
  type,
  shape,
  optional: false,
});

export const optionalTensor = (name: string, shape: Shape, type: PackTensor['type'] = 'float32'): PackTensor => ({
  ...tensor(name, shape, type),
  optional: true,
});

/** A picture of this side, planes apart, or interleaved. */
export const picture = (name: string, size: number) => tensor(name, ['batch', 3, size, size]);
export const interleaved = (name: string, size: number | string, channels = 3) =>
  tensor(name, ['batch', size, size, channels]);

const all = (value: number) => [value, value, value];

/** (x / range - mean) / std, the same for every channel. */
export function plainImage(
  colourOrder: ImageInput['colourOrder'],
  range: number,
  mean = 0,
  std = 1,
  layout: ImageInput['layout'] = 'nchw',
): ImageInput {
  return { colourOrder, layout, range, mean: all(mean), std: all(std) };
}

/** Red, green and blue of 0..1, less ImageNet's mean, over its deviation. */
export const IMAGENET_IMAGE: ImageInput = {
  colourOrder: 'rgb',
  layout: 'nchw',
  range: 255,
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
};

export const UNIT_OUTPUT: ImageOutput = { mean: all(0), std: all(1) };
export const CENTRED_OUTPUT: ImageOutput = { mean: all(0.5), std: all(0.5) };

export const facefusion = (file: string, symbol: string) => ({
  repository: 'https://github.com/facefusion/facefusion',
  file: `facefusion/${file}`,
  symbol,
});
