import { ANONYMISE_STYLES, AnonymiseProcessor, type AnonymiseStyle } from '@understudy/contracts';
import {
  anonymiseFrame,
  type CoverFace,
  type FaceModels,
  highestRate,
  looksOf,
  measureReidentification,
  prepareStranger,
  type Reidentification,
} from '@understudy/face';
import { drawStranger } from '@understudy/sample';
import { drawPeople } from './drawn-people.js';

/** Rates are rank-1: the share of covered pictures whose person is named first, from a gallery covered in the same way. */
export interface ReidentificationStyle extends Reidentification {
  /** `none` is the pictures as they are. */
  readonly style: AnonymiseStyle | 'none';
  /** The best attacker on the cover. */
  readonly highest: number;
}

export interface ReidentificationReport {
  readonly people: number;
  readonly gallery: number;
  readonly probes: number;
  readonly chance: number;
  /** Twice chance: what no attacker on a cover may exceed. */
  readonly bound: number;
  readonly styles: readonly ReidentificationStyle[];
}

/** Whom everybody becomes with the style `stranger`: one for all, so that nothing but the covered person differs. */
const STRANGER = 4;

/**
 * Draws people who do not exist, in other poses, lights and sizes each time, covers all pictures in each style and tries to
 * know the people again. Every picture is covered with the same seed: noise that differs would only help.
 */
export async function benchReidentification(
  models: FaceModels,
  people: number,
  each: number,
  signal?: AbortSignal,
): Promise<ReidentificationReport> {
  const drawn = await drawPeople(people, each, signal);
  const looks = { gallery: await looksOf(models, drawn.gallery), probes: await looksOf(models, drawn.probes) };
  const { margin } = AnonymiseProcessor.parse({ type: 'anonymise' }).settings;
  const styles: ReidentificationStyle[] = [];
  for (const style of ['none', ...ANONYMISE_STYLES] as const) {
    signal?.throwIfAborted();
    const cover = style === 'none' ? null : await coverOf(style, margin);
    const rates = await measureReidentification(models, looks, cover, margin);
    styles.push({ style, highest: rounded(highestRate(rates)), ...mapRates(rates) });
  }
  const [gallery, probes] = [looks.gallery.length, looks.probes.length];
  return { people, gallery, probes, chance: rounded(1 / people), bound: rounded(2 / people), styles };
}

async function coverOf(style: AnonymiseStyle, margin: number): Promise<CoverFace> {
  const { picture, landmarks } = await drawStranger(STRANGER);
  const { width, height, data: rgb } = picture;
  const stranger = prepareStranger({ rgb, width, height, landmarks });
  return (frame, face) => anonymiseFrame(frame, [{ ...face, stranger }], { style, margin });
}

const rounded = (rate: number): number => Math.round(rate * 10_000) / 10_000;

function mapRates(rates: Reidentification): Reidentification {
  const entries = Object.entries(rates).map(([name, rate]: [string, number]) => [name, rounded(rate)]);
  return Object.fromEntries(entries) as Reidentification;
}

const COLUMNS: readonly (readonly [string, keyof Reidentification | 'highest'])[] = [
  ['highest', 'highest'],
  ['net', 'recogniser'],
  ['clear', 'clearGallery'],
  ['pixels', 'pixels'],
  ['unlit', 'pixelsWithoutLight'],
  ['trained', 'trainedPixels'],
  ['form', 'form'],
  ['form tr.', 'trainedForm'],
  ['outline', 'outline'],
  ['around', 'surroundings'],
];

export function describeReidentification({ people, probes, bound, styles }: ReidentificationReport): string {
  const row = (name: string, cells: readonly string[]): string =>
    name.padEnd(10) + cells.map((cell) => cell.padStart(9)).join('');
  return [
    `${people} people, ${probes} pictures to name; at most ${bound.toFixed(3)} may be right`,
    row(
      '',
      COLUMNS.map(([title]) => title),
    ),
    ...styles.map((rates) =>
      row(
        rates.style,
        COLUMNS.map(([, field]) => rates[field].toFixed(3)),
      ),
    ),
  ].join('\n');
}
