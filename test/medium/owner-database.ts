import {
  type Database,
  openDatabase,
  RecordSeals,
  SEALED_TABLES,
  sealEverything,
  type Sql,
  type Tx,
} from '@understudy/db';

const WRITES = /\b(INSERT|UPDATE|DELETE|CREATE TABLE)\b/;
/** What decides, and what their seals are made of besides. */
const SEALED =
  /\b(consents|cast_members|segments|memberships|performer_accounts|users|assets|shot_versions|audit_erasures|key_destructions|restore_acceptances)\b/;

/**
 * The database as its owner, in the service's place: rows that a test sets up get the seal that the service gives them.
 * `tampering` is the owner without the service's key.
 */
export class OwnerDatabase implements Database {
  readonly #seals: RecordSeals;
  /** Sealing touches every row of a table: two at once would wait for each other's. */
  #lastSealing: Promise<unknown> = Promise.resolve();

  private constructor(
    readonly tampering: Database,
    secretKey: string,
  ) {
    this.#seals = new RecordSeals(secretKey);
  }

  static open(url: string, secretKey: string): OwnerDatabase {
    return new OwnerDatabase(openDatabase(url), secretKey);
  }

  get url(): string {
    return this.tampering.url;
  }

  get prisma(): Database['prisma'] {
    return this.tampering.prisma;
  }

  get pool(): Database['pool'] {
    return this.tampering.pool;
  }

  async query<Row = Record<string, unknown>>(sql: string, params?: readonly unknown[]): Promise<Row[]> {
    const rows = await this.tampering.query<Row>(sql, params);
    if (!decides(sql)) return rows;
    const sealing = this.#lastSealing.then(() => this.#seal(this.tampering));
    this.#lastSealing = sealing.catch(() => undefined);
    await sealing;
    return rows;
  }

  async hotTransaction<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
    return this.tampering.hotTransaction(async (sql) => await work(this.#sealing(sql)));
  }

  async transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.tampering.transaction(work);
  }

  async close(): Promise<void> {
    await this.tampering.close();
  }

  #sealing(sql: Sql): Sql {
    return {
      query: async <Row>(text: string, params: readonly unknown[] = []) => {
        const rows = await sql.query<Row>(text, params);
        if (decides(text)) await this.#seal(sql);
        return rows;
      },
    };
  }

  async #seal(sql: Sql): Promise<void> {
    for (const table of SEALED_TABLES) await sealEverything(sql, this.#seals, table);
  }
}

function decides(sql: string): boolean {
  return WRITES.test(sql) && SEALED.test(sql);
}
