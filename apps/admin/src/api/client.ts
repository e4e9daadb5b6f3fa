import { createClient } from '@understudy/client';

/** Calls the coordinator that served this page; the session's cookie signs in. */
export const client = createClient({ baseUrl: '', headers: { 'x-understudy-request': 'console' } });
