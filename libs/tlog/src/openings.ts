import { committedFields, ERASED, type Opening, opens } from './commitments.js';
import type { LoggedEvent } from './export-format.js';

interface Missing {
  readonly index: number;
  readonly fields: readonly string[];
}

export interface OpeningFault {
  readonly index: number;
  readonly message: string;
}

/**
 * Checks what commitments were opened with, and that what is not opened was erased by an erasure that the log tells of. Memory
 * grows with the events that were erased, not with the number of events.
 */
export class Openings {
  readonly #missing = new Map<string, Missing>();
  #opened = 0;
  #erased = 0;

  /** @returns what is wrong with this event's openings */
  take(index: number, { id, data }: LoggedEvent, openings: readonly Opening[]): OpeningFault[] {
    const given = new Set(openings.map(({ field }) => field));
    const fields = committedFields(data).filter((field) => !given.has(field));
    if (fields.length > 0) this.#missing.set(id, { index, fields });
    const wrong = openings.filter((opening) => !opens(data, opening));
    this.#opened += openings.length - wrong.length;
    return wrong.map(({ field }) => ({
      index,
      message: `${field} of entry ${index} is not what the log committed to`,
    }));
  }

  /** An erasure that was written down accounts for what is missing of the events before it. */
  erase({ action, data }: LoggedEvent): void {
    if (action !== ERASED || !Array.isArray(data['events'])) return;
    for (const id of data['events'] as unknown[]) {
      const missing = this.#missing.get(String(id));
      if (missing === undefined) continue;
      this.#erased += missing.fields.length;
      this.#missing.delete(String(id));
    }
  }

  /** Gone, and nobody wrote down that it was erased. */
  unaccounted(): OpeningFault[] {
    return [...this.#missing.values()].map(({ index, fields }) => ({
      index,
      message: `${fields.join(' and ')} of entry ${index} is gone, and no erasure was written down`,
    }));
  }

  get counts(): { readonly opened: number; readonly erased: number } {
    return { opened: this.#opened, erased: this.#erased };
  }
}
