/** Answers as a working thread does, or ends, as it is told. */
import { parentPort, threadId } from 'node:worker_threads';

parentPort.on('message', ({ act }) => {
  if (act === 'end') process.exit(1);
  if (act === 'throw') throw new RangeError('beside the protocol');
  parentPort.postMessage({ type: 'done', result: threadId });
});
