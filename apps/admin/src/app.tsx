import { createTheme, MantineProvider } from '@mantine/core';
import { Notifications } from '@mantine/notifications';
import { UnderstudyError } from '@understudy/contracts';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { JOIN_PATH, JoinPage } from './session/join-page.js';
import { SessionGate } from './session/session.js';
import { router } from './router.js';

const theme = createTheme({ primaryColor: 'orange', defaultRadius: 'sm', cursorType: 'pointer' });

/** Asking again helps when the coordinator was away, not when it said no. */
function isWorthAnotherTry(failures: number, error: Error): boolean {
  return failures < 3 && error instanceof UnderstudyError && error.code === 'COORDINATOR_UNREACHABLE';
}

const queryClient = new QueryClient({ defaultOptions: { queries: { retry: isWorthAnotherTry, staleTime: 1000 } } });

export function App() {
  return (
    <MantineProvider theme={theme} defaultColorScheme="auto">
      <Notifications position="top-right" />
      <QueryClientProvider client={queryClient}>
        {window.location.pathname === JOIN_PATH ? (
          <JoinPage />
        ) : (
          <SessionGate>
            <RouterProvider router={router} />
          </SessionGate>
        )}
      </QueryClientProvider>
    </MantineProvider>
  );
}
