let frame;

export function initialize(data) {
  frame = data.frame;
}

/** Where a rendered frame is handed to the encoder. */
const HANDED_ON = 'sink.commit(position)';

export async function load(url, context, nextLoad) {
  const loaded = await nextLoad(url, context);
  if (!url.endsWith('/apps/worker/dist/render-shard.js')) return loaded;
  const source = String(loaded.source);
  if (!source.includes(HANDED_ON)) throw new Error('the place where the poisoned frame crashes is not there any more');
  const crash = `if (frameNumber === ${frame}) process.kill(process.pid, 'SIGSEGV');`;
  return { ...loaded, source: source.replace(HANDED_ON, `${crash} ${HANDED_ON}`) };
}
