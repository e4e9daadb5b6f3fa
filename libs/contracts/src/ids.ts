import { z } from 'zod';

export const Uuid = z.uuid();
/** Lower-case hex SHA-256. */
export const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);
/** RFC 3339 with offset, as JSON carries instants. */
export const Instant = z.iso.datetime({ offset: true });
export const Name = z.string().trim().min(1).max(200);
/** Why somebody did something; kept in the audit log. */
export const Reason = z.string().trim().min(3).max(2000);
/** A face template: 512 little-endian float32 of unit length, base64. */
export const FaceTemplate = z.string().regex(/^[A-Za-z0-9+/]{2731}=$/);

/** Half-open range of frames `[startFrame, endFrame)`, counted from 0 in the plate. */
export const FrameRange = z
  .object({ startFrame: z.int().min(0), endFrame: z.int().min(1) })
  .refine((range) => range.endFrame > range.startFrame, 'endFrame must lie behind startFrame');
export type FrameRange = z.infer<typeof FrameRange>;

export const Page = z.object({
  limit: z.coerce.number().int().min(1).max(500).default(100),
  /** Opaque; the `next` of the page before. */
  cursor: z.string().max(200).optional(),
});
