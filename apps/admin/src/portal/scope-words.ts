import type { ConsentRole, ConsentScope, Operation } from '@understudy/contracts';

const DONE: Readonly<Record<ConsentRole, Readonly<Record<Operation, string>>>> = {
  identity: {
    replace: "Your face may be put in place of another performer's.",
    restore: 'Your face may be restored: made sharper where the picture is poor.',
    anonymise: 'Your face may be covered so that nobody knows you.',
  },
  plate: {
    replace: "Your face may be replaced by another performer's.",
    restore: 'Your face may be restored: made sharper where the picture is poor.',
    anonymise: 'Your face may be covered so that nobody knows you.',
  },
};

/** ISO days, as in the document itself: no reader takes the month for the day. */
const day = (instant: string): string => instant.slice(0, 10);
const quoted = (names: readonly string[]): string => names.map((name) => `“${name}”`).join(', ');

/** What a consent allows, one plain sentence a line; nothing of the scope is left out. */
export function scopeInWords(role: ConsentRole, scope: ConsentScope): string[] {
  const { operations, project, shots, plates, identityAssets, maxFrames } = scope;
  return [
    ...operations.map((operation) => DONE[role][operation]),
    shots === undefined
      ? `In every shot of ${quoted([project])}.`
      : `Only in ${quoted([project])}, shots ${quoted(shots)}.`,
    `From ${day(scope.validFrom)} until ${day(scope.validUntil)}.`,
    ...(scope.intendedUse === undefined ? [] : [`For: ${scope.intendedUse}`]),
    ...(scope.prohibitedUses === undefined ? [] : [`Never for: ${scope.prohibitedUses.join('; ')}.`]),
    ...(scope.territories === undefined ? [] : [`In these territories: ${scope.territories.join(', ')}.`]),
    ...(scope.media === undefined ? [] : [`In these media: ${scope.media.join(', ')}.`]),
    ...(maxFrames === undefined ? [] : [`At most ${maxFrames} frames at a time.`]),
    ...(plates === undefined ? [] : [`Only in ${plates.length} named ${plates.length === 1 ? 'clip' : 'clips'}.`]),
    ...(identityAssets === undefined
      ? []
      : [
          `Only from ${identityAssets.length} named ${identityAssets.length === 1 ? 'picture' : 'pictures'} of the face.`,
        ]),
  ];
}
