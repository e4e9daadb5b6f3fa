import type { ConsentNotice } from '@understudy/contracts';

/** How long before a use a performer is told of it at the least. */
export const NOTICE_HOURS = 48;

/** The first instant at which a notice has run: its hours after it was sent, or the first use that it names itself. */
export function noticeElapsesAt({ sentAt, earliestUse }: ConsentNotice): Date {
  const least = Date.parse(sentAt) + NOTICE_HOURS * 3_600_000;
  return new Date(Math.max(least, earliestUse === undefined ? least : Date.parse(earliestUse)));
}
