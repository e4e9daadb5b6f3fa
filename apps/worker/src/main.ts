import { fileURLToPath } from 'node:url';

import { createNodeClient } from '@understudy/client/node';
import { toUnderstudyError } from '@understudy/contracts';
import { nvidiaCards } from '@understudy/inference';

import { workerConfig } from './config/config.js';
import { openLog } from './log.js';
import { LogShipper } from './logs/log-shipper.js';
import { LogSpool } from './logs/log-spool.js';
import type { HeldAttempt } from './messages.js';
import { FarmSession } from './supervisor/farm-session.js';
import { laneProvider } from './supervisor/lane-provider.js';
import { ObjectCache } from './supervisor/object-cache.js';
import { Scratch } from './supervisor/scratch.js';
import { Supervisor } from './supervisor/supervisor.js';
import { WorkerKey } from './supervisor/worker-key.js';

try {
  const config = workerConfig();
  const log = openLog(config.logLevel, {});
  const scratch = await Scratch.take(config.scratchDir);
  const key = await WorkerKey.open(config.dataDir);
  log.info({ fingerprint: key.fingerprint }, "this worker's key");
  const joining = createNodeClient({ baseUrl: config.coordinatorUrl, token: config.workerToken });
  let supervisor: Supervisor | undefined;
  const session = new FarmSession({
    client: joining,
    key,
    log,
    onToken: (token) => supervisor?.replaceToken(token),
    onShutOut: (error) => supervisor?.giveUp(error.toBody().error),
  });
  const client = createNodeClient({ baseUrl: config.coordinatorUrl, token: () => session.token });
  const objects = new ObjectCache(scratch.objects, config.cacheBytes, async (ref, path, signal, onProgress) => {
    const { url, sha256, bytes } = ref;
    await client.downloadContent(url, path, { sha256, bytes, signal, onProgress });
  });
  const program = fileURLToPath(new URL('lane/main.js', import.meta.url));
  const report = ({ attemptId, epoch }: HeldAttempt, message: string) =>
    client.call('failAttempt', {
      params: { attemptId },
      body: { epoch, code: 'WORKER_LOST', message, retryable: true },
    });
  const logs = new LogSpool(config.logDir);
  const shipper = new LogShipper({
    spool: logs,
    log,
    send: (attemptId, part) => client.call('appendAttemptLog', { params: { attemptId }, body: part }),
  });
  let signals = 0;
  const starting = new AbortController();
  const end = () => {
    signals += 1;
    starting.abort();
    if (supervisor === undefined) session.close();
    else if (signals === 1) supervisor.drain();
    else supervisor.abort();
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, end);
  try {
    if (await session.open()) {
      await shipper.start();
      const onStep = (step: string) => {
        // Who looks at the farm hears of it another time.
        client.call('reportPreparing', { body: { step } }).catch(() => {});
      };
      const candidate = await laneProvider(config, { log, onStep, signal: starting.signal });
      const onCards = candidate.provider === 'cuda' || candidate.provider === 'tensorrt';
      const cards = onCards ? await nvidiaCards(config.laneEnvironment) : [];
      supervisor = new Supervisor({ config, candidate, cards, scratch, logs, objects, log, report, session, program });
      if (signals === 0) await supervisor.run();
    }
    log.info('worker ended');
  } catch (thrown) {
    // Told to end while it built what the lanes need: no fault.
    if (!starting.signal.aborted || toUnderstudyError(thrown).code !== 'CANCELLED') throw thrown;
    log.info('worker ended before its lanes began');
  } finally {
    session.close();
    await shipper.end();
    for (const open of [client, joining]) open.close();
    await scratch.leave();
  }
} catch (thrown) {
  const error = toUnderstudyError(thrown);
  process.stderr.write(`error ${error.code}: ${error.message}\n`);
  process.exitCode = error.exitCode;
}
