import { Badge, Card, Group, Image, SimpleGrid, Stack, Text, Title } from '@mantine/core';
import { CONTENT_ROUTES, type PortalShot } from '@understudy/contracts';
import { useState } from 'react';
import { useQuery } from '@tanstack/react-query';
import { client } from '../api/client.js';
import { When } from '../shell/when.js';
import { PORTAL } from './portal-consents.js';

const REFRESH_MS = 10_000;
const SIDE_PX = 160;

/** Every version of a shot that was made under the performer's own consents: by date, for its name may tell of others. */
export function PortalShots() {
  const { data } = useQuery({
    queryKey: [...PORTAL, 'shots'],
    queryFn: ({ signal }) => client.call('listPortalShots', { query: {} }, { signal }),
    refetchInterval: REFRESH_MS,
  });
  if (data === undefined) return null;
  return (
    <Stack>
      <Title order={3}>What was made with your face</Title>
      {data.items.length === 0 && <Text c="dimmed">Nothing yet.</Text>}
      <SimpleGrid cols={{ base: 1, xs: 2, md: 3 }}>
        {data.items.map((shot) => (
          <ShotCard key={shot.shotVersionId} shot={shot} />
        ))}
      </SimpleGrid>
    </Stack>
  );
}

function ShotCard({ shot }: { shot: PortalShot }) {
  const { shotVersionId, state, frames, createdAt, releasedAt, consents, preview } = shot;
  const [isMissing, setMissing] = useState(false);
  return (
    <Card withBorder data-testid={`shot-${shotVersionId}`}>
      <Stack gap="xs">
        {preview && !isMissing && (
          <Image
            src={CONTENT_ROUTES.portalPreview.replace(':shotVersionId', shotVersionId)}
            alt="A preview of your face in this shot"
            w={SIDE_PX}
            h={SIDE_PX}
            onError={() => setMissing(true)}
          />
        )}
        {isMissing && (
          <Text size="sm" c="dimmed">
            No picture of it can be shown.
          </Text>
        )}
        <Group gap={4}>
          <Badge variant="light" color={state === 'revoked' ? 'red' : state === 'released' ? 'teal' : 'blue'}>
            {state}
          </Badge>
          {[...new Set(consents.map(({ role }) => role))].map((role) => (
            <Badge key={role} variant="outline" color="gray">
              {role === 'identity' ? 'your face appears' : 'your face is covered'}
            </Badge>
          ))}
        </Group>
        <Text size="sm">
          Begun <When inline at={createdAt} />
          {releasedAt !== null && (
            <>
              , released <When inline at={releasedAt} />
            </>
          )}
          {frames !== null && `, ${frames} frames`}
        </Text>
        <Text size="xs" c="dimmed">
          {shotVersionId}
        </Text>
      </Stack>
    </Card>
  );
}
