/** CIE L*, a*, b*. */
export type Lab = readonly [number, number, number];

const HUGE_CHROMA = 25 ** 7;

/**
 * Colour difference CIEDE2000 with all weights 1: about 1 is the least that a trained eye sees side by side.
 *
 * Source: G. Sharma, W. Wu, E. N. Dalal, "The CIEDE2000 color-difference formula: implementation notes, supplementary
 * test data, and mathematical observations", Color Research & Application 30 (2005).
 */
export function ciede2000(first: Lab, second: Lab): number {
  const meanChroma7 = ((Math.hypot(first[1], first[2]) + Math.hypot(second[1], second[2])) / 2) ** 7;
  const stretch = 1.5 - 0.5 * Math.sqrt(meanChroma7 / (meanChroma7 + HUGE_CHROMA));
  const [a, b] = [polar(first, stretch), polar(second, stretch)];
  const grey = a.chroma * b.chroma === 0;
  const turn = grey ? 0 : wrapped(b.hue - a.hue);
  const lightness = b.lightness - a.lightness;
  const chroma = b.chroma - a.chroma;
  const hue = 2 * Math.sqrt(a.chroma * b.chroma) * Math.sin(radians(turn / 2));
  const meanHue = grey ? a.hue + b.hue : (a.hue + turn / 2 + 360) % 360;
  const meanChroma = (a.chroma + b.chroma) / 2;
  const fromGrey = ((a.lightness + b.lightness) / 2 - 50) ** 2;
  const weight =
    1 -
    0.17 * cosine(meanHue - 30) +
    0.24 * cosine(2 * meanHue) +
    0.32 * cosine(3 * meanHue + 6) -
    0.2 * cosine(4 * meanHue - 63);
  const l = lightness / (1 + (0.015 * fromGrey) / Math.sqrt(20 + fromGrey));
  const c = chroma / (1 + 0.045 * meanChroma);
  const h = hue / (1 + 0.015 * meanChroma * weight);
  const blue = 30 * Math.exp(-(((meanHue - 275) / 25) ** 2));
  const rotation = -2 * Math.sqrt(meanChroma ** 7 / (meanChroma ** 7 + HUGE_CHROMA)) * Math.sin(radians(2 * blue));
  return Math.sqrt(l * l + c * c + h * h + rotation * c * h);
}

function polar([lightness, a, b]: Lab, stretch: number) {
  const red = a * stretch;
  const hue = red === 0 && b === 0 ? 0 : ((Math.atan2(b, red) * 180) / Math.PI + 360) % 360;
  return { lightness, chroma: Math.hypot(red, b), hue };
}

function wrapped(degrees: number): number {
  return degrees > 180 ? degrees - 360 : degrees < -180 ? degrees + 360 : degrees;
}

function radians(degrees: number): number {
  return (degrees * Math.PI) / 180;
}

function cosine(degrees: number): number {
  return Math.cos(radians(degrees));
}
