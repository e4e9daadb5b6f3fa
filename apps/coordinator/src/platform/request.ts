import type { Actor } from '../access/actor.js';
import type { Permission } from '../access/permission.js';
import type { UrlClaims } from '../access/signed-urls.js';

/** What the coordinator itself puts on a request. */
declare global {
  // oxlint-disable-next-line typescript/no-namespace -- Express is extended through this namespace alone.
  namespace Express {
    interface Request {
      requestId: string;
      /** Absent on public routes and behind signed URLs. */
      actor?: Actor;
      /** What the handler asked of the actor. */
      access?: Permission;
      /** Present behind a signed URL only. */
      urlClaims?: UrlClaims;
    }
  }
}
