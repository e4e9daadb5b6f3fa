import { frameSpec, type PlateInfo } from './plate-info.js';
import type { ProbedStream } from './probe-streams.js';
import { rationalText } from './rational.js';

/** What must be equal in all segments and in the delivery, in ffprobe's words. */
export type StreamTraits = Record<
  'codec' | 'size' | 'format' | 'range' | 'matrix' | 'primaries' | 'transfer' | 'aspect',
  string
>;

export function traitsOf(stream: ProbedStream): StreamTraits {
  const sourceFormat = stream.pix_fmt ?? '';
  return {
    codec: stream.codec_name,
    size: `${stream.width}x${stream.height}`,
    format: sourceFormat.replace('yuvj', 'yuv'),
    // No tag and the tag "limited" mean the same, and H.264 cannot tell them apart beside other tags.
    range: sourceFormat.startsWith('yuvj') || stream.color_range === 'pc' ? 'pc' : 'tv',
    matrix: tag(stream.color_space),
    primaries: tag(stream.color_primaries),
    transfer: tag(stream.color_transfer),
    aspect: tag(stream.sample_aspect_ratio),
  };
}

function tag(value: string | undefined): string {
  return !value || value === 'unknown' || value === 'unspecified' || value === '0:1' ? 'none' : value;
}

export function expectedTraits(plate: PlateInfo): StreamTraits {
  const { tags, sampleAspectRatio } = plate.video;
  const { width, height, format, range } = frameSpec(plate);
  return {
    codec: 'h264',
    size: `${width}x${height}`,
    format,
    range,
    matrix: format.startsWith('gbr') ? 'gbr' : (tags.matrix ?? 'none'),
    primaries: tags.primaries ?? 'none',
    transfer: tags.transfer ?? 'none',
    aspect: sampleAspectRatio ? rationalText(sampleAspectRatio, ':') : 'none',
  };
}
