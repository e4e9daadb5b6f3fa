import { createClient } from '@understudy/client';

/** So long after the last touch of a key or a pointer, a person still counts as there. */
const THERE_MS = 60_000;
let touchedAt = Date.now();
for (const event of ['pointerdown', 'pointermove', 'keydown', 'wheel', 'touchstart']) {
  window.addEventListener(event, () => (touchedAt = Date.now()), { passive: true });
}

/** Looking for news while nobody is there keeps no session open. */
const asPerson: typeof fetch = (input, init) => {
  const headers = new Headers(init?.headers);
  if (Date.now() - touchedAt > THERE_MS) headers.set('x-understudy-background', '1');
  return fetch(input, { ...init, headers });
};

/** Calls the coordinator that served this page; the session's cookie signs in. */
export const client = createClient({ baseUrl: '', headers: { 'x-understudy-request': 'console' }, fetch: asPerson });
