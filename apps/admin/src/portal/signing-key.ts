import {
  consentSignatureBytes,
  type ConsentSignatureStatement,
  type ConsentToSign,
  keyProofBytes,
} from '@understudy/contracts';

const DATABASE = 'understudy-portal';
const STORE = 'keys';
const ALGORITHM = 'Ed25519';

/** The private half cannot be taken out of the browser that made it, by this page or any other. */
export interface SigningKey {
  readonly publicKey: string;
  readonly privateKey: CryptoKey;
}

const base64 = (bytes: ArrayBuffer): string => btoa(String.fromCharCode(...new Uint8Array(bytes)));

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error('the browser keeps no keys'));
  });
}

async function store(mode: IDBTransactionMode): Promise<IDBObjectStore> {
  const opening = indexedDB.open(DATABASE, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
  const database = await settled(opening);
  return database.transaction(STORE, mode).objectStore(STORE);
}

/** The account's key in this browser, if it made one. */
export async function ownKey(userId: string): Promise<SigningKey | null> {
  const kept: unknown = await settled((await store('readonly')).get(userId));
  return (kept as SigningKey | undefined) ?? null;
}

/** Makes a key and keeps it in this browser. @returns what registers it */
export async function makeKey(userId: string): Promise<{ publicKey: string; signature: string }> {
  const pair = (await crypto.subtle.generateKey({ name: ALGORITHM }, false, ['sign', 'verify'])) as CryptoKeyPair;
  const publicKey = base64(await crypto.subtle.exportKey('raw', pair.publicKey));
  const key: SigningKey = { publicKey, privateKey: pair.privateKey };
  const proof = keyProofBytes({ format: 'understudy-performer-key/1', userId, publicKey });
  const signature = base64(await crypto.subtle.sign(ALGORITHM, pair.privateKey, proof));
  await settled((await store('readwrite')).put(key, userId));
  return { publicKey, signature };
}

export async function signConsent(
  key: SigningKey,
  toSign: ConsentToSign,
): Promise<{ statement: ConsentSignatureStatement; signature: string }> {
  const statement = { ...toSign, publicKey: key.publicKey, signedAt: new Date().toISOString() };
  const bytes = consentSignatureBytes(statement);
  return { statement, signature: base64(await crypto.subtle.sign(ALGORITHM, key.privateKey, bytes)) };
}
