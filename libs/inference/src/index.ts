export * from './manifest.js';
export * from './default-pack.js';
export * from './model-pack.js';
export * from './session.js';
export { crewOf } from './crew.js';
export * from './onnx/model-proto.js';
export * from './onnx/tensor-data.js';
export * from './packs/check-graph.js';
export * from './packs/canary.js';
export * from './packs/emap.js';
export * from './packs/pack-digest.js';
export * from './packs/pack-files.js';
export * from './packs/pack-store.js';
export * from './packs/open-pack.js';
export * from './packs/open-together.js';
export * from './packs/self-test.js';
export * from './packs/image-tensor.js';
export * from './catalogue/catalogue.js';
export * from './onnx/half-float.js';
export * from './onnx/half-precision.js';
export * from './onnx/open-batch.js';
export * from './onnx/fuse-normalisation.js';
export * from './engines/engine-key.js';
export * from './engines/trtexec.js';
export * from './engines/ep-context.js';
export * from './engines/engine-model.js';
export {
  type EngineCache,
  type EngineFailure,
  type EngineInventory,
  engineInventory,
  enginesDigest,
  enginesFolder,
  findEngine,
  type SweepRules,
  sweepEngines,
} from './engines/engine-cache.js';
export { buildEngine, type EngineBuild } from './engines/build-engine.js';
export { type LaneModel, laneModels } from './engines/lane-models.js';
export { type Card, findTrtexec, nvidiaCards, tensorrtVersion } from './engines/tensorrt-host.js';
export { chooseProvider, type ProbeOptions, PROVIDER_CANDIDATES, probeProvider } from './providers/probe-provider.js';
export {
  type ModelTest,
  PROVIDER_BOUNDS,
  type ProviderCandidate,
  type ProviderTest,
  testProvider,
} from './providers/test-provider.js';
