/**
 * A lane process whose inference blocks its main thread: the real host, protocol thread and rings, with a step that holds
 * the thread for as long as the environment says. Started by the fault tests like a lane.
 */
import { join } from 'node:path';

const dist = (name) => new URL(`../dist/${name}.js`, import.meta.url).href;
const { LaneControl } = await import(dist('lane/control'));
const { LaneHost } = await import(dist('lane/lane-host'));
const { renderFrames, renderShard } = await import(dist('render-shard'));

const blockMs = Number(process.env.BLOCK_MS);
const blockAtFrame = Number(process.env.BLOCK_AT_FRAME);

function block() {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, blockMs);
}

process.on('message', async (order) => {
  if (order.type !== 'start') return;
  const { config } = order;
  const control = new LaneControl();
  const step = { name: 'block', apply: (_, frameNumber) => frameNumber === blockAtFrame && block() };
  const runner = {
    capabilities: {
      parityClass: { provider: 'cpu', precision: 'fp32', runtime: 'r', instructionSet: 'i', batch: 1 },
      kinds: ['render'],
      threads: 1,
      vramMiB: 0,
      packs: ['p'],
    },
    run: async ({ lease, inputs, folder }) => {
      const path = join(folder, 'segment.mp4');
      const { segment } = await renderShard({
        platePath: inputs[lease.plate.source.sha256],
        plate: lease.plate.info,
        startFrame: lease.startFrame,
        endFrame: lease.endFrame,
        renderers: [(frames) => renderFrames(frames, async () => ({ processors: [step] }), control)],
        encoding: lease.encoding,
        segmentPath: path,
        decoderThreads: 1,
        control,
      });
      const { sha256, bytes, frames } = segment;
      process.send({ type: 'unblocked' });
      return { path, report: { result: { sha256, bytes, frames }, timingsMs: {} } };
    },
  };
  const host = new LaneHost(config, control, runner, (notice) => process.send(notice));
  process.on('message', (next) => host.obey(next));
});
