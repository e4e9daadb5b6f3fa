import { z } from 'zod';
import { Page, Uuid } from '../ids.js';

/** One JSON route of the API: what goes in, what comes out. Binary bodies (`content` routes) are listed in `CONTENT_ROUTES`. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With `:name` for path parameters. */
  readonly path: string;
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  readonly response: z.ZodType;
}

/** A page of a list; `next` asks for the one after it. */
export const list = <T extends z.ZodType>(item: T) => z.object({ items: z.array(item), next: z.string().nullable() });
export const Done = z.object({ ok: z.literal(true) });
export const OfProject = Page.extend({ projectId: Uuid.optional() });
