import { Button, Divider } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { client } from '../api/client.js';
import { ProblemAlert } from '../shell/problem-alert.js';

/** Goes to the farm's OpenID Connect provider, where it has one; with an invitation's secret to take that up. */
export function ProviderButton({ invitation }: { invitation?: string }) {
  const options = useQuery({
    queryKey: ['sign-in-options'],
    queryFn: ({ signal }) => client.call('signInOptions', {}, { signal }),
  });
  const start = useMutation({
    mutationFn: () => client.call('startSingleSignOn', { body: invitation === undefined ? {} : { invitation } }),
    onSuccess: ({ url }) => window.location.assign(url),
  });
  const provider = options.data?.provider ?? null;
  if (provider === null) return null;
  return (
    <>
      <Divider label="or" />
      <Button variant="default" loading={start.isPending || start.isSuccess} onClick={() => start.mutate()}>
        {invitation === undefined ? 'Sign in' : 'Join'} with {provider.name}
      </Button>
      {start.error !== null && <ProblemAlert error={start.error} />}
    </>
  );
}
