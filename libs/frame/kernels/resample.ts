// The kernels that are compiled into src/kernels/resample.wasm.ts.
export { addToBytes, addToWords, rgbToYuvChange, yuvToRgb } from './colours';
export { turnedBytes, turnedFloats, turnedWords } from './turned';
export { uprightBytes, uprightFloats, uprightWords } from './upright';
