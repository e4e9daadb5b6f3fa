import { createClient, type Client, type ClientOptions } from './client.js';
import { downloadContent, type DownloadedContent, type DownloadOptions } from './download.js';
import { openTransport, type TransportOptions } from './transport.js';
import { uploadContent, type ContentSource, type UploadedContent, type UploadOptions } from './upload.js';

export interface NodeClient extends Client {
  /**
   * Uploads to a resumable content route. After a cut it asks how far the coordinator got and goes on from there.
   *
   * @param path of the content route, its parameters filled in; relative to the coordinator.
   * @param source a file's path, or something that can be read from any offset.
   * @throws UnderstudyError COORDINATOR_UNREACHABLE after several tries without progress, UPLOAD_MISMATCH when the
   * coordinator holds more than the source has, CANCELLED by the signal, or the coordinator's own code.
   */
  uploadContent(path: string, source: string | ContentSource, options?: UploadOptions): Promise<UploadedContent>;
  /**
   * Downloads into a file that appears whole or not at all. After a cut it goes on from where it was.
   *
   * @param url relative to the coordinator.
   * @throws UnderstudyError COORDINATOR_UNREACHABLE, UPLOAD_MISMATCH when the content is another than named, DISK_FULL,
   * OUTPUT_UNWRITABLE, CANCELLED, or the coordinator's own code.
   */
  downloadContent(url: string, toPath: string, options?: DownloadOptions): Promise<DownloadedContent>;
  /** Closes idle connections. */
  close(): void;
}

export interface NodeClientOptions extends ClientOptions, Pick<TransportOptions, 'stallMs'> {}

/** The client of Node processes: the JSON API and binary content. */
export function createNodeClient(options: NodeClientOptions): NodeClient {
  const transport = openTransport(options);
  return {
    ...createClient(options),
    uploadContent: (path, source, given) => uploadContent(transport, path, source, given),
    downloadContent: (url, toPath, given) => downloadContent(transport, url, toPath, given),
    close: () => transport.close(),
  };
}
