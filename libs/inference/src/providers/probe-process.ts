import { ensureDefaultPack } from '../model-pack.js';
import type { ProbeOrder } from './probe-provider.js';
import { testProvider } from './test-provider.js';

/** Tests one provider for its parent, and ends. */
process.once('message', (order: ProbeOrder) => {
  void (async () => {
    const pack = await ensureDefaultPack(order.dataDir);
    const result = await testProvider(pack, order.candidate);
    process.send!(result, () => process.disconnect());
  })();
});
