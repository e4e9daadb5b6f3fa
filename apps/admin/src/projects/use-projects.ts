import type { Project } from '@understudy/contracts';
import { useQuery } from '@tanstack/react-query';
import { client } from '../api/client.js';

const PROJECTS_KEY = ['projects'] as const;

/** The projects that one sees, those that were ended too. */
export function useProjects({ enabled = true, refetchInterval = false as number | false } = {}) {
  return useQuery({
    queryKey: PROJECTS_KEY,
    queryFn: ({ signal }) => client.call('listProjects', { query: { limit: 500 } }, { signal }),
    select: ({ items }) => items,
    enabled,
    refetchInterval,
  });
}

function isEnded({ keyDestroyedAt }: Project): boolean {
  return keyDestroyedAt !== null;
}

/** What a project is called in a list: one that was ended says so. */
export function labelOf(project: Project): string {
  return isEnded(project) ? `${project.name} (ended)` : project.name;
}

/** Those in which something new may be made, to choose one from. */
export function choicesOf(projects: readonly Project[] = []): { value: string; label: string }[] {
  return projects.filter((project) => !isEnded(project)).map(({ id, name }) => ({ value: id, label: name }));
}
