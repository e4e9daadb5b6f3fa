/** What a model file promises. Nothing runs whose hash, tensor names or shapes differ from its manifest. */

export type ModelRole = 'detector' | 'landmarks' | 'identity';

export interface TensorSpec {
  readonly name: string;
  readonly type: 'float32';
  readonly shape: readonly number[];
}

export interface ModelManifest {
  readonly role: ModelRole;
  /** File name inside the pack's folder; never a path. */
  readonly file: string;
  /** Hex SHA-256 of the file. */
  readonly sha256: string;
  readonly licence: string;
  readonly commercialUse: boolean;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly colourOrder: 'rgb' | 'bgr' | 'grey';
  /** The network's input is `(sample - mean) / divisor`, for samples of 0 to 255. */
  readonly mean: number;
  readonly divisor: number;
}

/** A package of the npm registry, pinned by version and by the integrity of its tarball. */
export interface NpmSource {
  readonly packageName: string;
  readonly version: string;
  /** Subresource integrity of the tarball: `sha512-` and base64. */
  readonly integrity: string;
  /** Folder of the model files inside the tarball. */
  readonly folder: string;
}

export interface PackManifest {
  readonly id: string;
  readonly source: NpmSource;
  readonly models: readonly ModelManifest[];
}

/** A pack whose files were verified and lie in one folder. */
export interface ModelPack {
  readonly id: string;
  readonly folder: string;
  readonly manifest: PackManifest;
}

/** The SHA-256 of each model of a pack by role: what a plan pins. */
export function modelHashes(pack: ModelPack): Record<string, string> {
  return Object.fromEntries(pack.manifest.models.map((model) => [model.role, model.sha256]));
}
