import { Alert, Anchor, AppShell, Burger, Button, Group, NavLink, Title } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import {
  IconFaceId,
  IconFileCertificate,
  IconFolders,
  IconMovie,
  IconServer2,
  IconUsers,
  IconUserShield,
  IconWebhook,
} from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link, Outlet, useLocation } from '@tanstack/react-router';
import { client } from '../api/client.js';
import { showError } from '../api/show-error.js';
import { useSession } from '../session/session.js';

const PLACES = [
  { to: '/portal', label: 'Your consents', icon: IconFaceId, subject: 'Portal' },
  { to: '/shots', label: 'Shots', icon: IconMovie, subject: 'Shot' },
  { to: '/consents', label: 'Consents', icon: IconFileCertificate, subject: 'Consent' },
  { to: '/projects', label: 'Projects', icon: IconFolders, subject: 'Project' },
  { to: '/workers', label: 'Workers', icon: IconServer2, subject: 'Worker' },
  { to: '/webhooks', label: 'Webhooks', icon: IconWebhook, subject: 'Webhook' },
  { to: '/people', label: 'People', icon: IconUsers, subject: 'User' },
  { to: '/account', label: 'Account', icon: IconUserShield, subject: 'Session' },
] as const;

export function Shell() {
  const [opened, { toggle, close }] = useDisclosure();
  const { pathname } = useLocation();
  const { me, ability } = useSession();
  return (
    <AppShell
      header={{ height: 56 }}
      navbar={{ width: 200, breakpoint: 'sm', collapsed: { mobile: !opened } }}
      padding="md"
    >
      <AppShell.Header px="md">
        <Group h="100%" justify="space-between" wrap="nowrap">
          <Group wrap="nowrap">
            <Burger opened={opened} onClick={toggle} hiddenFrom="sm" size="sm" aria-label="Navigation" />
            <Title order={3}>Understudy</Title>
          </Group>
          <Group wrap="nowrap">
            <Anchor component={Link} to="/account" size="sm" c="dimmed" visibleFrom="xs">
              {me.name}
            </Anchor>
            <SignOutButton />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs">
        {PLACES.filter(({ subject }) => ability.can('read', subject)).map(({ to, label, icon: Icon }) => (
          <NavLink
            key={to}
            component={Link}
            to={to}
            label={label}
            leftSection={<Icon size={18} />}
            active={pathname.startsWith(to)}
            onClick={close}
          />
        ))}
      </AppShell.Navbar>
      <AppShell.Main>
        {me.breakGlassOpenUntil !== null && <BreakGlassBanner until={me.breakGlassOpenUntil} />}
        <Outlet />
      </AppShell.Main>
    </AppShell>
  );
}

/** Everybody sees it, whatever they came for. */
function BreakGlassBanner({ until }: { until: string }) {
  return (
    <Alert color="red" variant="filled" role="alert" mb="md" title="The break-glass account is open">
      Somebody signed in with the sealed password. Everything they do is in the audit log; it ends at{' '}
      {new Date(until).toLocaleTimeString(undefined, { timeStyle: 'short' })}. If nobody told you why, call your org
      admins now.
    </Alert>
  );
}

function SignOutButton() {
  const queries = useQueryClient();
  const signOut = useMutation({
    mutationFn: () => client.call('signOut', {}),
    // Nothing of this person's stays behind for the next one.
    onSuccess: () => {
      queries.clear();
      window.location.assign('/');
    },
    onError: showError,
  });
  return (
    <Button variant="subtle" size="xs" onClick={() => signOut.mutate()} loading={signOut.isPending}>
      Sign out
    </Button>
  );
}
