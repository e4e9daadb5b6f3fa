import { z } from 'zod';
import { isLoopbackHost } from '../webhooks/public-address.js';

/** HTTPS, or plain HTTP to this very host. */
export const SecureUrl = z.url({ protocol: /^https?$/ }).refine((text) => {
  // What is no address at all is told by the check before.
  if (!URL.canParse(text)) return true;
  const { protocol, hostname } = new URL(text);
  return protocol === 'https:' || isLoopbackHost(hostname);
}, 'must be https');
