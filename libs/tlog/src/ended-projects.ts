import type { LoggedEvent } from './export-format.js';

/**
 * Projects that two people ended, in the order of the log: from that entry on no lane is given anything of them. An entry that
 * says otherwise is true to its hash, and tells of a claim past the service's rules.
 */
export class EndedProjects {
  /** The entry in which a project's end was approved. */
  readonly #endedAt = new Map<string, number>();

  /** Entries come in the log's order. @returns what is wrong with this one; undefined where nothing is */
  take(index: number, { action, projectId, subjectId, data }: LoggedEvent): string | undefined {
    if (projectId === null || projectId === undefined) return undefined;
    if (action === 'key_destruction.approved' && !this.#endedAt.has(projectId)) this.#endedAt.set(projectId, index);
    const endedAt = this.#endedAt.get(projectId);
    if (action !== 'task.leased' || endedAt === undefined) return undefined;
    const lane = typeof data['lane'] === 'string' ? ` to lane ${data['lane']}` : '';
    return `entry ${index} leases task ${subjectId}${lane} in project ${projectId}, whose end was approved in entry ${endedAt}`;
  }
}
