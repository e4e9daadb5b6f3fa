import { describe, expect, it } from 'vitest';
import { parseVersions } from './listing.js';

const version = (key: string, id: string, at: string): string =>
  `<Version><Key>${key}</Key><VersionId>${id}</VersionId><IsLatest>true</IsLatest><LastModified>${at}</LastModified>
   <Owner><ID>somebody</ID></Owner></Version>`;
const listing = (inner: string): string =>
  `<?xml version="1.0" encoding="UTF-8"?>
   <ListVersionsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><Prefix>p</Prefix>${inner}</ListVersionsResult>`;

describe('a listing of versions', () => {
  it('is read with its keys decoded, and without the markers of deletions', () => {
    const page = parseVersions(
      listing(`<IsTruncated>false</IsTruncated>
        ${version('p/a%2Bb+c%C3%A9', 'v&amp;1', '2026-11-23T10:00:00.250Z')}
        <DeleteMarker><Key>p/x</Key><VersionId>d</VersionId></DeleteMarker>
        <CommonPrefixes><Prefix>p/restored-1/</Prefix></CommonPrefixes><CommonPrefixes><Prefix>p/restored-2/</Prefix></CommonPrefixes>`),
    );
    expect(page).toEqual({
      versions: [{ key: 'p/a+b cé', versionId: 'v&1', storedAt: Date.parse('2026-11-23T10:00:00.250Z') }],
      folders: ['p/restored-1/', 'p/restored-2/'],
      next: null,
    });
  });

  it('says where it goes on', () => {
    const cut = '<IsTruncated>true</IsTruncated><NextKeyMarker>p%2Fa</NextKeyMarker>';
    expect(parseVersions(listing(cut)).next).toEqual({ 'key-marker': 'p/a' });
    const within = `${cut}<NextVersionIdMarker>v1</NextVersionIdMarker>`;
    expect(parseVersions(listing(within)).next).toEqual({ 'key-marker': 'p/a', 'version-id-marker': 'v1' });
  });

  it('is refused where it is none, lacks what it must say, or was cut off without a way on', () => {
    expect(() => parseVersions('<html>sign in</html>')).toThrow(SyntaxError);
    expect(() => parseVersions(listing('<IsTruncated>true</IsTruncated>'))).toThrow(/cut off/);
    expect(() => parseVersions(listing('<Version><Key>k</Key></Version>'))).toThrow(SyntaxError);
  });
});
