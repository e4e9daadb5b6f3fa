export { checkFfmpeg, type FfmpegCheck } from './check-ffmpeg.js';
export { openClipWriter, type ClipWriter, type ClipWriterOptions } from './clip-writer.js';
export { mediaTools, type MediaTools } from './config.js';
export { confinement, FIRST_UID, UID_COUNT, type Confinement } from './confinement.js';
export { encodingSchema, type Encoding } from './encoding.js';
export { decodedHash, frameHash, frameHashes, hashOfFrameHashes } from './frame-hash.js';
export { joinSegments, type JoinOptions, type JoinResult } from './join-segments.js';
export {
  framePts,
  frameSpec,
  keyFrameBefore,
  plateInfoSchema,
  type AudioStream,
  type PlateInfo,
} from './plate-info.js';
export { requireMatteFits } from './matte.js';
export { packMatte, type MatteSequence } from './pack-matte.js';
export { probePlate } from './probe-plate.js';
export { rationalSchema, type Rational } from './rational.js';
export { readFrames, readSpec, type ReadFrame, type ReadOptions } from './read-frames.js';
export {
  openSegmentWriter,
  type SegmentResult,
  type SegmentWriter,
  type SegmentWriterOptions,
} from './segment-writer.js';
export { sha256File } from './sha256-file.js';
export { MEDIA_CONTAINERS, sniffMedia, type MediaContainer } from './sniff.js';
export { deliveryTimes, type DeliveryTimes } from './timing.js';
export { verifySegment, type SegmentExpectation } from './verify-segment.js';
export { type Area } from './preview-marks.js';
export { encodePng, extractStill, fitWithin, type StillRequest } from './picture.js';
export { extractFacePreview, type FacePreviewRequest } from './face-preview.js';
export { verifyDelivery, type DeliveryExpectation, type DeliveryReport } from './verify-delivery.js';
