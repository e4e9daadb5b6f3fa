import { createTheme, MantineProvider } from '@mantine/core';
import { Notifications } from '@mantine/notifications';
import { UnderstudyError } from '@understudy/contracts';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { JOIN_PATH, JoinPage } from './session/join-page.js';
import { PROVIDER_PATH, ProviderPage } from './session/provider-page.js';
import { SessionGate } from './session/session.js';
import { router } from './router.js';

const theme = createTheme({ primaryColor: 'orange', defaultRadius: 'sm', cursorType: 'pointer' });

/** Asking again helps when the coordinator was away, not when it said no. */
function isWorthAnotherTry(failures: number, error: Error): boolean {
  return failures < 3 && error instanceof UnderstudyError && error.code === 'COORDINATOR_UNREACHABLE';
}

const queryClient = new QueryClient({ defaultOptions: { queries: { retry: isWorthAnotherTry, staleTime: 1000 } } });

/** What is there without signing in, by its address; all else is the farm's. */
const OPEN_PLACES: Readonly<Record<string, () => ReactNode>> = { [JOIN_PATH]: JoinPage, [PROVIDER_PATH]: ProviderPage };

function Place() {
  const Open = OPEN_PLACES[window.location.pathname];
  if (Open !== undefined) return <Open />;
  return (
    <SessionGate>
      <RouterProvider router={router} />
    </SessionGate>
  );
}

export function App() {
  return (
    <MantineProvider theme={theme} defaultColorScheme="auto">
      <Notifications position="top-right" />
      <QueryClientProvider client={queryClient}>
        <Place />
      </QueryClientProvider>
    </MantineProvider>
  );
}
