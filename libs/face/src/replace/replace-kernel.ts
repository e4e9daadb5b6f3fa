import { instantiateKernel, type KernelExports, KernelMemory, reusable } from '@understudy/frame';

import { type Bounds, boundsOf, halfKernel } from '../blend/gaussian.js';
import type { FloatPlane } from '../blend/plane.js';
import type { DetailTexture, PreparedIdentity } from './identity.js';
import { WASM_BASE64 } from '../kernels/face.wasm.js';

type Numbers = readonly number[];

interface ReplaceExports extends KernelExports {
  toUnit(...args: Numbers): void;
  enlarge(...args: Numbers): void;
  addTexture(...args: Numbers): void;
  shade(...args: Numbers): void;
  spreadNodes(...args: Numbers): void;
  reduce(...args: Numbers): void;
  lumaOf(...args: Numbers): void;
  blur(...args: Numbers): void;
  compose(...args: Numbers): void;
}

/** Where nodes lie over the work crop, `step` pixels apart. */
export interface Grid {
  readonly x0: number;
  readonly y0: number;
  readonly step: number;
  readonly cols: number;
  readonly rows: number;
}

/** What is added to a drawn face, as smooth planes reduced by the job's factor. */
export interface FaceLight {
  readonly luma: FloatPlane;
  readonly red: FloatPlane;
  readonly blue: FloatPlane;
  /** Share of the plate's grain that is kept, 0..1. */
  readonly grain: FloatPlane;
}

const kernels = new WeakMap<PreparedIdentity, ReplaceKernel>();

/** The kernel that holds this identity's textures; its memory goes with the identity. */
export function kernelOf(identity: PreparedIdentity): ReplaceKernel {
  const known = kernels.get(identity);
  if (known !== undefined) return known;
  const kernel = new ReplaceKernel();
  kernels.set(identity, kernel);
  return kernel;
}

/**
 * The work on a face at its full work size, compiled: one job after another, each begun by {@link ReplaceKernel.begin} with the
 * plate's crop. Everything that is smooth is made on reduced planes outside.
 */
export class ReplaceKernel {
  readonly #kernel = instantiateKernel<ReplaceExports>(WASM_BASE64);
  readonly #memory = new KernelMemory(this.#kernel.memory);
  readonly #textures = new Map<DetailTexture, number>();

  /** Brings textures into the kernel's memory, where they stay; then forgets the job before. */
  hold(textures: readonly DetailTexture[]): void {
    for (const texture of textures) {
      if (this.#textures.has(texture)) continue;
      this.#memory.begin();
      const at = this.#memory.takeForGood(texture.detail.byteLength);
      this.#memory.floats(at, texture.detail.length).set(texture.detail);
      this.#textures.set(texture, at);
    }
    this.#memory.begin();
  }

  /** @param work R'G'B' planes of one size, 0..255, one after the other. */
  begin(work: Float32Array, width: number, height: number): FaceJob {
    this.#memory.begin();
    return new FaceJob(this.#kernel, this.#memory, this.#textures, work, width, height);
  }
}

/** What a replaced face changes in its work crop. */
export interface FaceChange extends Bounds {
  /** R, G and B plane of the bounds' size: 255 times mask times difference. Worth something until the next job. */
  readonly rgb: Float32Array;
}

const changeMemory = reusable();

/** One face in one frame. */
export class FaceJob {
  readonly #kernel: ReplaceExports;
  readonly #memory: KernelMemory;
  readonly #textures: ReadonlyMap<DetailTexture, number>;
  readonly #width: number;
  readonly #height: number;
  readonly #count: number;
  /** Three planes. */
  readonly #plate: number;
  readonly #mask: number;
  /** Four floats a pixel. */
  readonly #drawn: number;
  /** Luma, red, blue: apart, since a plane is written beyond its end. */
  readonly #colour: readonly [number, number, number];
  /** A line of anything, the longest one there is. */
  readonly #line: number;
  #shown: Bounds = { left: 0, top: 0, right: 0, bottom: 0 };
  #factor = 1;
  #left = 0;
  #part = 0;

  constructor(
    kernel: ReplaceExports,
    memory: KernelMemory,
    textures: ReadonlyMap<DetailTexture, number>,
    work: Float32Array,
    width: number,
    height: number,
  ) {
    this.#kernel = kernel;
    this.#memory = memory;
    this.#textures = textures;
    this.#width = width;
    this.#height = height;
    this.#count = width * height;
    this.#plate = this.#keep(work);
    kernel.toUnit(this.#plate, 3 * this.#count);
    this.#mask = this.#room(this.#count);
    this.#drawn = this.#room(4 * this.#count);
    this.#colour = [this.#room(this.#count), this.#room(this.#count), this.#room(this.#count)];
    this.#line = this.#room(8 * (width + height));
  }

  /** The plate's planes reduced to means of blocks. */
  reducedPlate(factor: number): FloatPlane[] {
    return this.#reduced(planesAt(this.#plate, this.#count), factor);
  }

  /**
   * Where the face shows, on a plane reduced by `factor`.
   *
   * @returns bounds outside of which the mask is 0; null where it is 0 everywhere.
   */
  show(mask: FloatPlane, factor: number): Bounds | null {
    const [width, height] = [this.#width, this.#height];
    this.#factor = factor;
    const left = new Uint32Array(width);
    const part = new Float32Array(width);
    for (let x = 0; x < width; x++) {
      const at = Math.max(0, Math.min(mask.width - 1, (x + 0.5) / factor - 0.5));
      left[x] = Math.min(Math.floor(at), Math.max(0, mask.width - 2));
      part[x] = at - left[x]!;
    }
    this.#left = this.#memory.take(left.byteLength);
    this.#memory.indices(this.#left, width).set(left);
    this.#part = this.#keep(part);
    const small = this.#keep(mask.data);
    const size = [mask.width, mask.height, factor, width, 0, height] as const;
    this.#kernel.enlarge(small, ...size, this.#left, this.#part, this.#line, this.#mask);
    const shown = boundsOf({ width, height, data: this.#memory.floats(this.#mask, this.#count) });
    if (shown === null) return null;
    this.#shown = shown;
    this.#memory.floats(this.#drawn, 4 * this.#count).fill(0);
    return shown;
  }

  /**
   * Adds a texture that is held, where the mask is not 0.
   *
   * @param nodes four numbers a node: share, x and y in the largest texture's pixels, anything.
   * @param factor of the largest texture's size to this one's.
   */
  addTexture(texture: DetailTexture, factor: number, nodes: Float32Array, grid: Grid): void {
    const at = this.#textures.get(texture);
    if (at === undefined) throw new RangeError('the texture is not held');
    const { right, bottom } = this.#shown;
    const { x0, y0, step, cols } = grid;
    const place = this.#keep(nodes);
    const source = [at, texture.width, texture.height, 1 / factor] as const;
    const target = [this.#mask, this.#width, this.#line, this.#drawn] as const;
    this.#kernel.addTexture(place, cols, step, x0, y0, right, bottom, ...source, ...target);
  }

  /**
   * Makes colour of what was drawn and the broad structure at the nodes.
   *
   * @returns luma, red and blue, reduced by the mask's factor.
   */
  shade(form: Float32Array, grid: Grid, warmth: number): FloatPlane[] {
    const { right, bottom } = this.#shown;
    const { x0, y0, step, cols } = grid;
    const broad = this.#room(this.#count);
    this.#memory.floats(broad, this.#count).fill(0);
    const nodes = this.#keep(form);
    this.#kernel.spreadNodes(nodes, cols, step, x0, y0, right, bottom, this.#width, this.#line, broad);
    this.#kernel.shade(this.#drawn, broad, this.#mask, this.#count, warmth, ...this.#colour);
    return this.#reduced(this.#colour, this.#factor);
  }

  /**
   * Adds the light and the plate's grain, and says what changes.
   *
   * @param light on planes reduced by the mask's factor.
   * @param poreSigma of the Gaussian that tells grain from what it lies on, in pixels.
   */
  finish(light: FaceLight, grain: number, poreSigma: number): FaceChange {
    const [width, height, count] = [this.#width, this.#height, this.#count];
    const [red, green, blue] = planesAt(this.#plate, count);
    const luma = this.#room(count);
    this.#kernel.lumaOf(red, green, blue, count, luma);
    const soft = this.#blurred(luma, poreSigma);
    const added = [light.luma, light.red, light.blue, light.grain].map(({ data }) => data);
    const small = this.#room(added.length * (added[0]!.length + 4));
    added.forEach((data, i) => this.#memory.floats(small + i * (4 * data.length + 16), data.length).set(data));
    // One pixel more on each side, where the change is 0: a block's change fades into its neighbours.
    const bounds = {
      left: Math.max(0, this.#shown.left - 1),
      top: Math.max(0, this.#shown.top - 1),
      right: Math.min(width, this.#shown.right + 1),
      bottom: Math.min(height, this.#shown.bottom + 1),
    };
    const across = bounds.right - bounds.left;
    const size = across * (bounds.bottom - bounds.top);
    const outs = [this.#room(size), this.#room(size), this.#room(size)] as const;
    const smallSize = [light.luma.width, light.luma.height, this.#factor, this.#left, this.#part] as const;
    const rows = [width, bounds.top, bounds.bottom, this.#line, this.#mask] as const;
    const planes = [...this.#colour, luma, soft, red, green, blue] as const;
    this.#kernel.compose(small, ...smallSize, ...rows, ...planes, grain, bounds.left, across, ...outs);
    const rgb = changeMemory(3 * size);
    outs.forEach((at, i) => rgb.set(this.#memory.floats(at, size), i * size));
    return { ...bounds, rgb };
  }

  #blurred(plane: number, sigma: number): number {
    const half = halfKernel(sigma);
    const radius = half.length - 1;
    const weights = this.#keep(half);
    const line = this.#room(this.#width + 2 * radius);
    const [rows, out] = [this.#room(this.#count), this.#room(this.#count)];
    this.#kernel.blur(plane, this.#width, this.#height, weights, radius, line, rows, out);
    return out;
  }

  #reduced(planes: readonly number[], factor: number): FloatPlane[] {
    const width = Math.ceil(this.#width / factor);
    const height = Math.ceil(this.#height / factor);
    return planes.map((plane) => {
      const out = this.#room(width * height);
      this.#kernel.reduce(plane, this.#width, this.#height, factor, this.#line, out);
      return { width, height, data: this.#memory.floats(out, width * height).slice() };
    });
  }

  #room(floats: number): number {
    return this.#memory.take(4 * floats);
  }

  #keep(values: Float32Array): number {
    const at = this.#room(values.length);
    this.#memory.floats(at, values.length).set(values);
    return at;
  }
}

/** Three planes of `count` floats, one after the other. */
function planesAt(first: number, count: number): readonly [number, number, number] {
  return [first, first + 4 * count, first + 8 * count];
}
