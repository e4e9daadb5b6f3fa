import { Module } from '@nestjs/common';
import { AttemptAudit } from './attempt-audit.js';
import { AttemptEnds } from './attempt-ends.js';
import { AttemptRepository } from './attempt.repository.js';
import { AttemptsController } from './attempts.controller.js';
import { ClaimRepository } from './claim.repository.js';
import { Claims } from './claims.js';
import { Completions } from './completions.js';
import { Heartbeats } from './heartbeats.js';
import { LaneTrust } from './lane-trust.js';
import { LaneRepository } from './lane.repository.js';
import { LanesController } from './lanes.controller.js';
import { LeaseContents } from './lease-contents.js';
import { LeaseSweep } from './lease-sweep.js';
import { Leases } from './leases.js';
import { Refusals } from './refusals.js';
import { ResultVerifier } from './result-verifier.js';
import { ResultsController } from './results.controller.js';

/** The heart of the farm: what lanes lease, report and bring. */
@Module({
  controllers: [LanesController, AttemptsController, ResultsController],
  providers: [
    AttemptAudit,
    AttemptEnds,
    AttemptRepository,
    ClaimRepository,
    Claims,
    Completions,
    Heartbeats,
    LaneRepository,
    LaneTrust,
    LeaseContents,
    LeaseSweep,
    Leases,
    Refusals,
    ResultVerifier,
  ],
})
export class ShardsModule {}
