export { appendAuditEvent, appendAuditEvents, type NewAuditEvent } from './audit-event.js';
export { Personal, personal } from './personal.js';
export { bootstrapFarm, type BootstrapFarm, type BootstrappedFarm } from './bootstrap.js';
export { type Database, type DatabaseOptions, openDatabase } from './database.js';
export {
  type DatabaseFault,
  databaseFault,
  isOfDestroyedProject,
  isUniqueViolation,
  normaliseDatabaseError,
} from './database-error.js';
export { Prisma, PrismaClient } from './generated/client.js';
export * from './generated/enums.js';
export type * from './generated/models.js';
export { migrate } from './migrate.js';
export { ensureRuntimeRole, RUNTIME_ROLE } from './runtime-role.js';
export { RecordSeals, SEALED_TABLES, type SealedTable } from './seals/record-seals.js';
export { type CastRecord, castRecord, type ConsentRecord, consentRecord } from './seals/sealed-records.js';
export { membershipRecord, performerAccountRecord, segmentRecord, userRecord } from './seals/sealed-records.js';
export { alteredRows, sealEverything, sealRows, sealUnsealed } from './seals/seal-rows.js';
export type { Sql, Tx } from './sql.js';
export { hashTokenSecret, newTokenSecret, type TokenOwner } from './tokens.js';
export { traversable } from './cluster/binaries.js';
export { type Cluster, type ClusterOptions, freePort, startCluster } from './cluster/cluster.js';
