import { mayCommit, type Opening } from './commitments.js';
import { parseCheckpoint, type SignedCheckpoint } from './checkpoint.js';
import { isSignedBy, parseVerifierKey, type VerifierKey } from './note.js';
import { EndedProjects } from './ended-projects.js';
import {
  type EndLine,
  type ExportLine,
  type LeafLine,
  type LoggedEvent,
  type LogLine,
  parseEvent,
  parseExportLine,
} from './export-format.js';
import { RecordedRows, type RowFault, SPOKEN } from './joins.js';
import { leafHash, MerkleAccumulator } from './merkle.js';
import { type OpeningFault, Openings } from './openings.js';
import type { Outside } from './outside.js';

export interface Fault {
  readonly kind:
    'format' | 'signature' | 'leaf' | 'gap' | 'root' | 'outside' | 'pending' | 'row' | 'personal' | 'ended';
  readonly message: string;
  /** First bad entry, where one can be named. */
  readonly index?: number;
  /** The bad entries begin in `[index, before)`, where no closer is known. */
  readonly before?: number;
  readonly row?: RowFault;
}

export interface Verification {
  readonly ok: boolean;
  readonly origin: string;
  readonly size: number;
  readonly rootHash: string;
  readonly events: number;
  readonly hidden: number;
  /** Values of persons that are what the log committed to, and those that were erased. */
  readonly opened: number;
  readonly erased: number;
  readonly pending: number;
  readonly rows: number;
  /** Size of the newest outside checkpoint that the log was compared with; null without one. */
  readonly outsideSize: number | null;
  /** The first ones, in the order in which they were found; one is enough. */
  readonly faults: readonly Fault[];
}

export interface VerifyOptions {
  readonly outside?: Outside | undefined;
  /** The log's key as it came another way; without it the outside checkpoint's signer, else the export's own key. */
  readonly verifierKey?: string | undefined;
}

const MOST_FAULTS = 100;
/** How long a committed event may be without its leaf. */
const PENDING_MS = 60_000;

/** Canonical events that speak of no row: what they say need not be read. Anything else is. */
const UNSPOKEN = new RegExp(
  `^\\{"action":"(?!(?:${[...SPOKEN, 'personal_data'].join('|')})\\.)[a-z_]+\\.[a-z_]+","actor":`,
);

/** Verifies an export line by line; holds the tree's frontier and the rows that are spoken of, never the log. */
class ExportVerifier {
  readonly #faults: Fault[] = [];
  readonly #tree = new MerkleAccumulator();
  /** The tree of the leaves kept outside, from where they part from the log's own; until then the two are one. */
  #vouched: MerkleAccumulator | undefined;
  readonly #recorded = new RecordedRows();
  readonly #ended = new EndedProjects();
  readonly #openings = new Openings();
  readonly #outsideLeaves: AsyncGenerator<Uint8Array> | undefined;
  /** Outside checkpoints that are still ahead: of the log's own leaves, and of those kept outside. */
  readonly #anchors: SignedCheckpoint[];
  readonly #unsettled: SignedCheckpoint[];
  #log: LogLine | undefined;
  #checkpoint: SignedCheckpoint | undefined;
  #agreed = 0;
  #counts = { events: 0, hidden: 0, pending: 0, rows: 0 };
  #end: EndLine | undefined;

  constructor(private readonly options: VerifyOptions) {
    this.#anchors = [...(options.outside?.checkpoints ?? [])];
    this.#unsettled = [...this.#anchors];
    this.#outsideLeaves = options.outside?.leaves();
  }

  async take(text: string): Promise<void> {
    const line = this.#parse(text);
    if (line === undefined) return;
    if (line.kind === 'leaf') await this.#leaf(line);
    else if (line.kind === 'row') this.#row(line);
    else if (line.kind === 'pending') this.#pending(line.event);
    else if (line.kind === 'end') this.#end = line;
    else this.#head(line);
  }

  async finish(): Promise<Verification> {
    const size = this.#tree.size;
    const root = Buffer.from(this.#tree.root());
    const checkpoint = this.#checkpoint;
    if (this.#end?.leaves !== size || this.#end.rows !== this.#counts.rows) {
      this.#fault({
        kind: 'format',
        message: 'the export ends too early, or says another number of lines than it has',
      });
    }
    if (checkpoint !== undefined && (checkpoint.size !== size || !root.equals(checkpoint.root))) {
      const message = `the leaves make a tree of ${size} that is not the one of ${checkpoint.size} that was signed`;
      this.#fault({ kind: 'root', message, ...(checkpoint.size > size ? { index: size } : {}) });
    }
    this.#shorter(size);
    await this.#vouch();
    this.#personal(this.#openings.unaccounted());
    for (const row of this.#recorded.missing(this.#log?.tables ?? [])) this.#rowFault(row);
    return {
      ok: this.#faults.length === 0,
      origin: checkpoint?.origin ?? '',
      size,
      rootHash: root.toString('hex'),
      ...this.#counts,
      ...this.#openings.counts,
      outsideSize: this.options.outside?.checkpoints.at(-1)?.size ?? null,
      faults: this.#faults,
    };
  }

  #fault(fault: Fault): void {
    if (this.#faults.length < MOST_FAULTS) this.#faults.push(fault);
  }

  #parse(text: string): ExportLine | undefined {
    try {
      const line = parseExportLine(text);
      if ((line.kind === 'log') === (this.#log === undefined)) return line;
      this.#fault({ kind: 'format', message: 'the export does not begin with its head, or has two' });
    } catch (thrown) {
      const message = thrown instanceof Error ? thrown.message : String(thrown);
      this.#fault({ kind: 'format', message: `a line cannot be read: ${message}`, index: this.#tree.size });
    }
    return undefined;
  }

  #head(line: LogLine): void {
    this.#log = line;
    try {
      this.#checkpoint = parseCheckpoint(line.checkpoint);
      this.#signatures(this.#checkpoint, parseVerifierKey(this.options.verifierKey ?? line.verifierKey));
    } catch (thrown) {
      if (!(thrown instanceof SyntaxError)) throw thrown;
      this.#fault({ kind: 'signature', message: thrown.message });
    }
  }

  #signatures(checkpoint: SignedCheckpoint, key: VerifierKey): void {
    if (!isSignedBy(checkpoint, key)) {
      this.#fault({ kind: 'signature', message: "the checkpoint is not signed by the log's key" });
    }
    for (const anchor of this.#anchors) {
      if (anchor.origin === checkpoint.origin && isSignedBy(anchor, key)) continue;
      const message = `the outside checkpoint of size ${anchor.size} is of another log or another key`;
      this.#fault({ kind: 'signature', message });
      return;
    }
  }

  async #leaf({ index, hash, event, hidden, openings = [] }: LeafLine): Promise<void> {
    const expected = this.#tree.size;
    if (index !== expected) {
      this.#fault({
        kind: 'gap',
        index: expected,
        message: `entry ${expected} is missing; ${index} stands in its place`,
      });
    }
    const leaf = Buffer.from(hash, 'hex');
    if (leaf.length !== 32) this.#fault({ kind: 'leaf', index: expected, message: 'a leaf is no SHA-256 hash' });
    if (event !== undefined) this.#event(expected, leaf, event, openings);
    else if (hidden === true) this.#counts.hidden += 1;
    else this.#fault({ kind: 'leaf', index: expected, message: `the event of entry ${expected} is gone` });
    await this.#compare(expected, leaf);
    this.#tree.append(leaf);
    this.#atAnchors();
  }

  #event(index: number, leaf: Buffer, event: string, openings: readonly Opening[]): void {
    this.#counts.events += 1;
    if (!leaf.equals(leafHash(Buffer.from(event, 'utf8')))) {
      this.#fault({ kind: 'leaf', index, message: `the event of entry ${index} is not the one that was hashed` });
    }
    const isPersonal = openings.length > 0 || mayCommit(event);
    if (!isPersonal && UNSPOKEN.test(event)) return;
    const read = this.#read(event, index);
    if (read === undefined) return;
    const message = this.#ended.take(index, read);
    if (message !== undefined) this.#fault({ kind: 'ended', index, message });
    if (isPersonal) this.#personal(this.#openings.take(index, read, openings));
  }

  /** Replays an event. */
  #read(event: string, index?: number): LoggedEvent | undefined {
    try {
      const read = parseEvent(event);
      this.#recorded.apply(read);
      this.#openings.erase(read);
      return read;
    } catch (thrown) {
      if (!(thrown instanceof SyntaxError)) throw thrown;
      this.#fault({ kind: 'format', message: thrown.message, ...(index === undefined ? {} : { index }) });
      return undefined;
    }
  }

  #personal(faults: readonly OpeningFault[]): void {
    for (const fault of faults) this.#fault({ kind: 'personal', ...fault });
  }

  /** Against the leaves that were kept outside; what they are worth is settled by the outside checkpoints at the end. */
  async #compare(index: number, leaf: Buffer): Promise<void> {
    if (this.#outsideLeaves === undefined) return;
    const next = await this.#outsideLeaves.next();
    if (next.done === true) return;
    if (this.#vouched !== undefined) return this.#vouchFor(next.value);
    if (leaf.equals(next.value)) return;
    this.#vouchFor(next.value);
    this.#fault({ kind: 'outside', index, message: `entry ${index} is not the one that was anchored outside` });
  }

  /** The kept leaves themselves must make the kept checkpoints' trees. */
  #vouchFor(hash: Uint8Array): void {
    this.#vouched ??= MerkleAccumulator.resume(this.#tree.size, this.#tree.frontier());
    const from = this.#vouched.size;
    this.#vouched.append(Uint8Array.from(hash));
    while (this.#unsettled[0] !== undefined && this.#unsettled[0].size <= this.#vouched.size) {
      const anchor = this.#unsettled.shift();
      // Those before the parting were compared with the log's own leaves.
      if (anchor === undefined || anchor.size <= from || Buffer.from(this.#vouched.root()).equals(anchor.root))
        continue;
      this.#fault({
        kind: 'outside',
        message: 'the leaves kept outside are not those of the checkpoints kept outside',
      });
    }
  }

  async #vouch(): Promise<void> {
    if (this.#outsideLeaves === undefined) return;
    for await (const hash of this.#outsideLeaves) this.#vouchFor(hash);
  }

  #atAnchors(): void {
    while (this.#anchors[0] !== undefined && this.#anchors[0].size <= this.#tree.size) {
      const anchor = this.#anchors.shift();
      if (anchor === undefined || anchor.size !== this.#tree.size) continue;
      if (Buffer.from(this.#tree.root()).equals(anchor.root)) this.#agreed = anchor.size;
      else this.#unlike(anchor.size);
    }
  }

  #unlike(size: number): void {
    this.#anchors.length = 0;
    if (this.#vouched !== undefined) return;
    const message = `the first ${size} entries are not those of the outside checkpoint; the first ${this.#agreed} are`;
    this.#fault({ kind: 'outside', index: this.#agreed, before: size, message });
  }

  #shorter(size: number): void {
    const newest = this.options.outside?.checkpoints.at(-1);
    if (newest === undefined || newest.size <= size) return;
    const message = `the log has ${size} entries, the outside checkpoint vouches for ${newest.size}: cut off, or an old one shown again`;
    this.#fault({ kind: 'outside', index: size, message });
  }

  #pending(event: string): void {
    this.#counts.pending += 1;
    const read = this.#read(event);
    if (read === undefined || Date.parse(this.#log?.at ?? '') - Date.parse(read.at) <= PENDING_MS) return;
    const message = `event ${read.id} was written at ${read.at} and never got into the log`;
    this.#fault({ kind: 'pending', message });
  }

  #row(line: ExportLine & { kind: 'row' }): void {
    this.#counts.rows += 1;
    for (const fault of this.#recorded.check(line)) this.#rowFault(fault);
  }

  #rowFault(row: RowFault): void {
    this.#fault({ kind: 'row', row, message: `${row.table} ${row.id}: ${row.message}` });
  }
}

/**
 * Verifies an export against itself and, where given, against what was kept outside: every leaf is the hash of its event,
 * none is missing, together they make the tree that was signed, that tree begins with each outside checkpoint's, nothing of
 * a project was leased after its end, and the rows are what the events say.
 */
export async function verifyExport(
  lines: AsyncIterable<string> | Iterable<string>,
  options: VerifyOptions = {},
): Promise<Verification> {
  const verifier = new ExportVerifier(options);
  for await (const line of lines) if (line !== '') await verifier.take(line);
  return verifier.finish();
}
