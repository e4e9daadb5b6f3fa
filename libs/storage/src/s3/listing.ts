/** One version of an object, as a listing of versions names it. */
export interface ObjectVersion {
  readonly key: string;
  readonly versionId: string;
  /** Milliseconds since 1970, by the bucket's clock. */
  readonly storedAt: number;
}

/** A page of ListObjectVersions. */
export interface VersionsPage {
  /** Delete markers are none of them: they hide a key and take nothing away. */
  readonly versions: readonly ObjectVersion[];
  /** Prefixes up to the delimiter, where one was asked for. */
  readonly folders: readonly string[];
  /** The query that asks for the next page; null after the last. */
  readonly next: Readonly<Record<string, string>> | null;
}

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };
const unescaped = (text: string): string =>
  text.replaceAll(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (all, hex?: string, decimal?: string, name?: string) => {
    if (name !== undefined) return ENTITIES[name] ?? all;
    return String.fromCodePoint(Number.parseInt(hex ?? decimal ?? '', hex === undefined ? 10 : 16));
  });

/** What stands in an element that holds text alone; S3's answers have neither attributes nor CDATA there. */
export function elementText(xml: string, name: string): string | undefined {
  const [, text] = new RegExp(`<${name}(?:\\s[^>]*)?>([^<]*)</${name}>`).exec(xml) ?? [];
  return text === undefined ? undefined : unescaped(text);
}

const elements = (xml: string, name: string): string[] =>
  [...xml.matchAll(new RegExp(`<${name}(?:\\s[^>]*)?>(.*?)</${name}>`, 'gs'))].map(([, inner = '']) => inner);

/** Keys come encoded as in a URL, for XML cannot hold every one; a space as `+`. */
const decodedKey = (text: string): string => decodeURIComponent(text.replaceAll('+', ' '));

const versionOf = (xml: string): ObjectVersion[] => {
  const [key, versionId] = [elementText(xml, 'Key'), elementText(xml, 'VersionId')];
  const storedAt = Date.parse(elementText(xml, 'LastModified') ?? '');
  if (key === undefined || versionId === undefined || Number.isNaN(storedAt)) {
    throw new SyntaxError('a listing names a version without its key, its id or its time');
  }
  return [{ key: decodedKey(key), versionId, storedAt }];
};

/** @throws SyntaxError, URIError for what is no listing of versions */
export function parseVersions(xml: string): VersionsPage {
  if (!/<ListVersionsResult[\s>]/.test(xml)) throw new SyntaxError('this is no listing of versions');
  const truncated = elementText(xml, 'IsTruncated') === 'true';
  const marker = elementText(xml, 'NextKeyMarker');
  // Nothing would be worse than to take a part for the whole.
  if (truncated && !marker) throw new SyntaxError('a listing was cut off and does not say where it goes on');
  const versionMarker = elementText(xml, 'NextVersionIdMarker');
  return {
    versions: elements(xml, 'Version').flatMap(versionOf),
    folders: elements(xml, 'CommonPrefixes').map((inner) => decodedKey(elementText(inner, 'Prefix') ?? '')),
    next: truncated
      ? {
          'key-marker': decodedKey(marker ?? ''),
          ...(versionMarker ? { 'version-id-marker': versionMarker } : {}),
        }
      : null,
  };
}
