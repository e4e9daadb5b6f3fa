import { Center, Loader } from '@mantine/core';
import type { Me } from '@understudy/contracts';
import { UnderstudyError } from '@understudy/contracts';
import { abilityOf, type ActorAbility, rulesOf } from '@understudy/policy';
import { useQuery } from '@tanstack/react-query';
import { createContext, type ReactNode, useContext, useMemo } from 'react';
import { client } from '../api/client.js';
import { ProblemAlert } from '../shell/problem-alert.js';
import { SignInPage } from './sign-in-page.js';

interface Session {
  readonly me: Me;
  /** What this person may do, by the rules that the coordinator applies; here it only decides what is shown. */
  readonly ability: ActorAbility;
}

const SessionContext = createContext<Session | null>(null);

export const ME_KEY = ['me'] as const;

/** Shows what lies inside to those who are signed in, and the sign-in to all others. */
export function SessionGate({ children }: { children: ReactNode }) {
  const { data: me, error } = useQuery({
    queryKey: ME_KEY,
    queryFn: ({ signal }) => client.call('me', {}, { signal }),
    // A role that is given or taken shows without signing in anew.
    refetchInterval: 5000,
  });
  const session = useMemo(() => {
    if (me === undefined) return null;
    const ability = abilityOf(
      rulesOf({
        kind: 'user',
        id: me.userId,
        farmRoles: me.farmRoles,
        memberships: me.memberships,
        performers: me.performers.map(({ performerId }) => performerId),
      }),
    );
    return { me, ability };
  }, [me]);
  if (session !== null) return <SessionContext.Provider value={session}>{children}</SessionContext.Provider>;
  if (error instanceof UnderstudyError && error.code === 'UNAUTHENTICATED') return <SignInPage />;
  return <Center h="100vh">{error === null ? <Loader /> : <ProblemAlert error={error} />}</Center>;
}

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (session === null) throw new Error('outside of a session');
  return session;
}
