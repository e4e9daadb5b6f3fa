import type { ShotReport } from '@understudy/contracts';

/** A finished shot for a person: where it is, what was replaced and how well, on whose consent. */
export function describeReport(report: ShotReport): string {
  const { output, faces, consents, waivers, outputGate } = report;
  const lines = [
    `${output.path}`,
    `  ${report.frames} frames at ${round(report.fps)}/s in ${report.shards} shards over ${report.lanes.length} lanes, ${report.attempts} attempts`,
    `  sha256 ${output.sha256}`,
  ];
  for (const face of faces) {
    if (face.cast === null) lines.push(`  face ${face.track}: untouched, ${face.frames} frames`);
    else if (face.idToIdentity === null) lines.push(`  face ${face.track}: changed, ${face.frames} frames`);
    else {
      lines.push(
        `  face ${face.track}: replaced in ${face.frames} frames; likeness to the identity ${signed(face.idToIdentityBefore)} before, ` +
          `${signed(face.idToIdentity)} after (10th percentile ${signed(face.idToIdentityP10)}); landmarks off by ${percent(face.landmarkNme)}`,
      );
    }
    if (face.leftAsFilmed.length > 0) {
      const ranges = face.leftAsFilmed.map(([start, end]) => `${start}-${end - 1}`);
      lines.push(`    behind another face, and as filmed, in frames ${ranges.join(', ')}`);
    }
    if (face.restored !== null) lines.push(`    ${describeRestored(face.restored)}`);
  }
  if (outputGate !== null && outputGate.sampled > 0) {
    const { sampled, read, byRenderer } = outputGate;
    const alone = byRenderer === 0 ? '' : `, ${byRenderer} of them by who rendered them, for want of another worker`;
    lines.push(`  looked at: ${read} of ${sampled} faces of the output were read${alone}`);
  }
  for (const consent of consents)
    lines.push(`  consent of ${consent.performer} (${consent.role}), version ${consent.version}, ${consent.level}`);
  if (report.selfAttested)
    lines.push('  self-attested: the operator says that the performers agreed; nobody else has checked it');
  if (waivers.length > 0) lines.push(`  waived: ${waivers.join(', ')}`);
  return lines.join('\n');
}

function describeRestored(restored: NonNullable<ShotReport['faces'][number]['restored']>): string {
  const { meanAsked, meanStrength, minStrength, worstDrift } = restored;
  const strength = `restored by ${round(meanStrength)} on average (least ${round(minStrength)})`;
  const lowered = meanStrength < meanAsked ? `, turned down from ${round(meanAsked)} to keep the likeness` : '';
  return `${strength}${lowered}; identity drifts by at most ${round(worstDrift)} in sampled frames`;
}

function round(value: number): string {
  return String(Math.round(value * 1000) / 1000);
}

function signed(value: number | null): string {
  return value === null ? 'unknown' : value.toFixed(2);
}

function percent(value: number | null): string {
  return value === null ? 'unknown' : `${(value * 100).toFixed(1)} % of the eye distance`;
}
