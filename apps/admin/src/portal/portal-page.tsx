import { Container, Stack, Text, Title } from '@mantine/core';
import { useSession } from '../session/session.js';
import { KeysPanel } from './keys-panel.js';
import { PortalConsents } from './portal-consents.js';
import { PortalShots } from './portal-shots.js';

/** A performer's own: what they agreed to, what was made of it, and how to take it back. */
export function PortalPage() {
  const { me } = useSession();
  return (
    <Container size="sm" p={0}>
      <Stack gap="xl">
        <div>
          <Title order={2}>Your face, your say</Title>
          <Text c="dimmed">
            {me.performers.map(({ performer, project }) => `${performer} in ${project}`).join(', ')}
          </Text>
        </div>
        <PortalConsents />
        <PortalShots />
        <KeysPanel />
      </Stack>
    </Container>
  );
}
