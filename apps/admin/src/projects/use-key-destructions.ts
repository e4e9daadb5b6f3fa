import { useQuery } from '@tanstack/react-query';
import { client } from '../api/client.js';
import { useSession } from '../session/session.js';

export const KEY_DESTRUCTIONS_KEY = ['key-destructions'] as const;

const REFRESH_MS = 3000;

/** The ends of projects that wait for a second person, and those that were approved. */
export function useKeyDestructions() {
  const { ability } = useSession();
  return useQuery({
    queryKey: KEY_DESTRUCTIONS_KEY,
    queryFn: ({ signal }) => client.call('listKeyDestructions', { query: { limit: 500 } }, { signal }),
    select: ({ items }) => items,
    enabled: ability.can('read', 'KeyDestruction'),
    refetchInterval: REFRESH_MS,
  });
}
