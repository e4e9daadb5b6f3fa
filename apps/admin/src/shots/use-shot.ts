import { CONTENT_ROUTES, type RouteOutput, ROUTES, SETTLED_SHOT_STATES, type Shot } from '@understudy/contracts';
import { useQuery, useQueryClient, type UseQueryResult } from '@tanstack/react-query';
import { useEffect } from 'react';
import { client } from '../api/client.js';

const REFRESH_MS = 1000;
/** The stream tells of changes; this is for when it is cut. */
const FALLBACK_MS = 10_000;
const PAGE_LIMIT = 500;

export const shotKey = (shotId: string) => ['shot', shotId] as const;

/** One shot, kept up to date by the coordinator's stream. */
export function useShot(shotId: string): UseQueryResult<Shot> {
  const queries = useQueryClient();
  useEffect(() => {
    const stream = new EventSource(CONTENT_ROUTES.shotStream.replace(':shotId', encodeURIComponent(shotId)));
    stream.addEventListener('shot', (event: MessageEvent<string>) => {
      const shot = ROUTES.getShot.response.safeParse(JSON.parse(event.data));
      if (shot.success) queries.setQueryData(shotKey(shotId), shot.data);
    });
    return () => stream.close();
  }, [shotId, queries]);
  return useQuery({
    queryKey: shotKey(shotId),
    queryFn: ({ signal }) => client.call('getShot', { params: { shotId } }, { signal }),
    refetchInterval: FALLBACK_MS,
  });
}

/** The shot's tasks; asked again while there is something going on. */
export function useShotTasks(shot: Shot): UseQueryResult<RouteOutput<'listShotTasks'>> {
  const isSettled = SETTLED_SHOT_STATES.includes(shot.state);
  return useQuery({
    // The state is part of the key, so that the last look comes after the last change.
    queryKey: ['tasks', shot.id, shot.state],
    queryFn: ({ signal }) =>
      client.call('listShotTasks', { params: { shotId: shot.id }, query: { limit: PAGE_LIMIT } }, { signal }),
    refetchInterval: isSettled ? false : REFRESH_MS,
    placeholderData: (before) => before,
  });
}

export function useShotEvents(shot: Shot): UseQueryResult<RouteOutput<'listShotEvents'>> {
  const isSettled = SETTLED_SHOT_STATES.includes(shot.state);
  return useQuery({
    queryKey: ['events', shot.id, shot.state],
    queryFn: ({ signal }) =>
      client.call('listShotEvents', { params: { shotId: shot.id }, query: { limit: PAGE_LIMIT } }, { signal }),
    refetchInterval: isSettled ? false : REFRESH_MS,
    placeholderData: (before) => before,
  });
}
