import type { Operation } from './consent.js';
import type { PackDecode, PackRole } from './pack-manifest.js';
import { CLASSICAL_RESTORER, operationOfPackProcessor, type PackReference } from './pack-processors.js';
import type { Processor, Recipe } from './recipe.js';

/** A pack that a recipe names, and what it must be to stand there. */
export interface NamedPack {
  readonly reference: PackReference;
  readonly role: PackRole;
  /** Of the families of a role, the one that is read there; absent where any is. */
  readonly family?: PackDecode['family'];
}

/** What a consent of a cast member must name for this processor; null for what is done to people outside the cast. */
export function operationOf(processor: Processor): Operation | null {
  if (processor.type === 'anonymise') return null;
  return processor.type === 'replace' ? 'replace' : operationOfPackProcessor(processor);
}

/** Everything that a recipe does to the faces of its cast, once each. */
export function castOperations({ processors }: Recipe): Operation[] {
  return [...new Set(processors.map(operationOf))].filter((operation) => operation !== null);
}

/** Whether the recipe puts another face in the place of the plate's. */
export function replacesFaces(recipe: Recipe): boolean {
  return castOperations(recipe).includes('replace');
}

/** Every pack that a recipe names, in the order of its processors. */
export function packsOf({ processors }: Recipe): NamedPack[] {
  return processors.flatMap((processor) => slotsOf(processor).map(({ named }) => named));
}

/** The same recipe with every pack replaced by what `pin` makes of it. */
export function withPacks(recipe: Recipe, pin: (named: NamedPack) => PackReference): Recipe {
  return {
    processors: recipe.processors.map((processor) => {
      const pinned = structuredClone(processor);
      for (const { override, name, named } of slotsOf(processor)) {
        const place = override === undefined ? pinned.settings : pinned.overrides?.[override]?.settings;
        Object.assign(place ?? {}, { [name]: pin(named) });
      }
      return pinned;
    }),
  };
}

interface Slot {
  /** The override that names it; absent, the processor's own settings. */
  readonly override?: number;
  readonly name: string;
  readonly named: NamedPack;
}

function slotsOf(processor: Processor): Slot[] {
  const slots: Slot[] = [];
  const add = (slot: Omit<Slot, 'named'>, reference: PackReference | undefined, more: Omit<NamedPack, 'reference'>) => {
    if (reference !== undefined) slots.push({ ...slot, named: { reference, ...more } });
  };
  if (processor.type === 'anonymise') return slots;
  const { settings } = processor;
  if (processor.type === 'swap') {
    add({ name: 'swapper' }, processor.settings.swapper, { role: 'swapper' });
    add({ name: 'recogniser' }, processor.settings.recogniser, { role: 'recogniser' });
    processor.overrides?.forEach(({ settings: { swapper, recogniser } }, override) => {
      add({ override, name: 'swapper' }, swapper, { role: 'swapper' });
      add({ override, name: 'recogniser' }, recogniser, { role: 'recogniser' });
    });
  } else if (processor.type === 'restore' && processor.settings.restorer.id !== CLASSICAL_RESTORER) {
    add({ name: 'restorer' }, processor.settings.restorer, { role: 'restorer' });
  }
  add({ name: 'occlusion' }, settings.occlusion, { role: 'mask', family: 'occlusion-mask' });
  add({ name: 'regions' }, settings.regions, { role: 'mask', family: 'region-mask' });
  return slots;
}
