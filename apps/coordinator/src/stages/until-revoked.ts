import { UnderstudyError } from '@understudy/contracts';
import type { Sql } from '@understudy/db';

const LOOK_MS = 500;

/**
 * Works on what shows a face for as long as the shot is not revoked, on whichever coordinator that happens.
 *
 * @param work is to let go of what it has in the clear when the signal comes; what it then fails with is not told
 * @throws UnderstudyError CONSENT_REVOKED
 */
export async function untilRevoked<T>(
  sql: Sql,
  shotVersionId: string,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const ending = new AbortController();
  let isLooking = false;
  const look = async (): Promise<void> => {
    if (isLooking) return;
    isLooking = true;
    try {
      const rows = await sql.query(`SELECT 1 FROM shot_versions WHERE id = $1 AND state = 'revoked'`, [shotVersionId]);
      if (rows.length > 0) ending.abort();
    } catch {
      // A database that is away tells nothing; what is made meanwhile counts only once it is back.
    } finally {
      isLooking = false;
    }
  };
  const timer = setInterval(() => void look(), LOOK_MS);
  try {
    return await work(ending.signal);
  } catch (thrown) {
    if (!ending.signal.aborted) throw thrown;
    throw new UnderstudyError('CONSENT_REVOKED', 'A consent was withdrawn while the shot was worked on.', {
      cause: thrown,
    });
  } finally {
    clearInterval(timer);
  }
}
