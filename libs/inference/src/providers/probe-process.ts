import { ensureDefaultPack } from '../model-pack.js';
import type { ProbeOrder } from './probe-provider.js';
import { providerLoads, testProvider } from './test-provider.js';

/** Tests one provider for its parent, and ends. */
process.once('message', (order: ProbeOrder) => {
  void (async () => {
    const result =
      order.loadsOnly === true
        ? await providerLoads(order.candidate)
        : await testProvider(await ensureDefaultPack(order.dataDir), order.candidate);
    process.send!(result, () => process.disconnect());
  })();
});
