-- Frames in which another face is in front of a track's: what is changed in it is left as filmed there. Analyses of before are
-- not used for new shots.
ALTER TABLE "tracks" ADD COLUMN "behind_frames" INTEGER[] NOT NULL DEFAULT ARRAY[]::INTEGER[];
