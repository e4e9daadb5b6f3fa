import type { Performance } from './performance.js';

export const SAMPLE_RATE_HZ = 48_000;

/** Formants of an open and of a rounded vowel, hertz: the tone follows the mouth. */
const OPEN_FORMANTS = [730, 1090];
const ROUND_FORMANTS = [320, 870];

export interface Voice {
  readonly performance: Performance;
  /** -1 left to 1 right. */
  readonly pan: number;
}

/**
 * Syllable-like tones for each voice, interleaved stereo.
 *
 * @returns `durationS * 48000` pairs of samples in -1 to 1.
 */
export function speak(voices: readonly Voice[], durationS: number): Float32Array {
  const count = Math.round(durationS * SAMPLE_RATE_HZ);
  const samples = new Float32Array(count * 2);
  for (const { performance, pan } of voices) {
    const left = Math.cos(((pan + 1) * Math.PI) / 4);
    const right = Math.sin(((pan + 1) * Math.PI) / 4);
    for (const syllable of performance.syllables) {
      const start = Math.round(syllable.startS * SAMPLE_RATE_HZ);
      const length = Math.round(syllable.durationS * 1.1 * SAMPLE_RATE_HZ);
      const partials = partialsOf(syllable.pitchHz, syllable.round, syllable.open);
      for (let index = 0; index < length && start + index < count; index += 1) {
        const t = index / SAMPLE_RATE_HZ;
        const envelope = Math.sin((Math.PI * index) / length) ** 1.2;
        let value = 0;
        for (const { hz, amplitude } of partials) value += amplitude * Math.sin(2 * Math.PI * hz * t * (1 - 0.03 * t));
        const sample = 0.2 * envelope * value;
        const at = (start + index) * 2;
        samples[at] = (samples[at] ?? 0) + sample * left;
        samples[at + 1] = (samples[at + 1] ?? 0) + sample * right;
      }
    }
  }
  return samples;
}

function partialsOf(pitchHz: number, round: number, open: number): { hz: number; amplitude: number }[] {
  const formants = OPEN_FORMANTS.map((hz, index) => hz + ((ROUND_FORMANTS[index] ?? hz) - hz) * round);
  const partials = Array.from({ length: 14 }, (_, index) => {
    const hz = pitchHz * (index + 1);
    const resonance = formants.reduce((sum, formant) => sum + 1 / (1 + ((hz - formant) / 130) ** 2), 0.06);
    return { hz, amplitude: (resonance * (0.5 + 0.5 * open)) / Math.sqrt(index + 1) };
  });
  const loudness = partials.reduce((sum, { amplitude }) => sum + amplitude, 0);
  return partials.map(({ hz, amplitude }) => ({ hz, amplitude: amplitude / loudness }));
}

/** A 16-bit PCM WAV file of interleaved stereo samples. */
export function wavFile(samples: Float32Array): Buffer {
  const header = Buffer.alloc(44);
  const dataBytes = samples.length * 2;
  header.write('RIFF', 0, 'latin1');
  header.writeUInt32LE(36 + dataBytes, 4);
  header.write('WAVEfmt ', 8, 'latin1');
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(2, 22);
  header.writeUInt32LE(SAMPLE_RATE_HZ, 24);
  header.writeUInt32LE(SAMPLE_RATE_HZ * 4, 28);
  header.writeUInt16LE(4, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36, 'latin1');
  header.writeUInt32LE(dataBytes, 40);
  const pcm = Buffer.alloc(dataBytes);
  samples.forEach((sample, index) =>
    pcm.writeInt16LE(Math.round(Math.max(-1, Math.min(1, sample)) * 32767), index * 2),
  );
  return Buffer.concat([header, pcm]);
}
