import type { ModelManifestDocument } from '@understudy/contracts';
import { UnderstudyError } from '@understudy/contracts';

/**
 * A commercial project uses only packs whose licence allows it.
 *
 * @throws UnderstudyError LICENCE_REFUSED naming pack and licence.
 */
export function requireLicence(
  pack: Pick<ModelManifestDocument, 'id' | 'version' | 'licence' | 'commercialUse'>,
  project: { readonly commercial: boolean },
): void {
  if (!project.commercial || pack.commercialUse) return;
  throw new UnderstudyError(
    'LICENCE_REFUSED',
    `${pack.id} ${pack.version} is licensed "${pack.licence}", not for commercial work: choose another pack.`,
    { details: { pack: pack.id, version: pack.version, licence: pack.licence } },
  );
}
