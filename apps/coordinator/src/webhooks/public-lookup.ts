import type { LookupAddress, LookupAllOptions } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { UnderstudyError } from '@understudy/contracts';
import { isPublicAddress } from './public-address.js';

/** `dns.lookup` for all addresses, or what stands in for it. */
export type Resolve = (
  hostname: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, found: LookupAddress[]) => void,
) => void;

/**
 * Resolves a name for a socket, and fails when one of its addresses is not public. The socket connects to what this answered
 * and asks nobody again: a name that leads elsewhere a moment later leads nowhere.
 */
export function publicLookup(resolve: Resolve): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) return callback(error, '', 0);
      const [first] = found;
      if (first === undefined || !found.every(({ address }) => isPublicAddress(address))) {
        return callback(notPublic(), '', 0);
      }
      if (options.all === true) callback(null, found);
      else callback(null, first.address, first.family);
    });
  };
}

export function notPublic(): UnderstudyError {
  return new UnderstudyError('INVALID_REQUEST', "A webhook's host has to be one of the public internet.");
}
