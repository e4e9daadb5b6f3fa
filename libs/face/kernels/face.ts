// The kernels that are compiled into src/kernels/face.wasm.ts.
export { addTexture, spreadNodes, thinPlateRow } from './nodes';
export { compose, shade } from './light';
export { blur, enlarge, lumaOf, reduce, toUnit } from './planes';
