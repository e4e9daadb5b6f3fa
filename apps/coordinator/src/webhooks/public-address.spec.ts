import { describe, expect, it } from 'vitest';
import { isLoopbackHost, isPublicAddress } from './public-address.js';
import { WebhookSender } from './webhook-sender.js';

const PRIVATE = [
  '0.0.0.0',
  '10.1.2.3',
  '100.64.0.1',
  '127.0.0.1',
  '127.255.255.254',
  '169.254.169.254',
  '172.16.0.1',
  '172.31.255.255',
  '192.0.0.192',
  '192.0.2.1',
  '192.168.1.1',
  '198.18.0.1',
  '198.51.100.7',
  '203.0.113.9',
  '224.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  '::ffff:127.0.0.1',
  '::ffff:8.8.8.8',
  '::127.0.0.1',
  '64:ff9b::7f00:1',
  'fc00::1',
  'fd12:3456::1',
  'fe80::1',
  'ff02::1',
  '2001::1',
  '2001:db8::1',
  '2002:7f00:1::',
];

describe('an address', () => {
  it.each(PRIVATE)('%s is not of the public internet', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });

  it.each(['1.1.1.1', '8.8.8.8', '172.32.0.1', '100.128.0.1', '192.0.1.1', '2606:4700::1111', '2a00:1450:4001::200e'])(
    '%s is',
    (address) => expect(isPublicAddress(address)).toBe(true),
  );

  it('that is none is none', () => {
    for (const text of ['', 'localhost', '8.8.8', '8.8.8.8:80', 'example.org'])
      expect(isPublicAddress(text)).toBe(false);
  });

  it.each([
    ['localhost', true],
    ['127.0.0.1', true],
    ['127.1.2.3', true],
    ['[::1]', true],
    ['localhost.example.org', false],
    ['10.0.0.1', false],
    ['example.org', false],
  ])('%s as a host: loopback %s', (host, is) => {
    expect(isLoopbackHost(host)).toBe(is);
  });
});

describe('an address for a webhook', () => {
  const strict = new WebhookSender({ WEBHOOKS_TO_PRIVATE_HOSTS: false });
  const lax = new WebhookSender({ WEBHOOKS_TO_PRIVATE_HOSTS: true });

  it.each([
    'http://hooks.example.org/',
    'http://127.0.0.1/',
    'https://127.0.0.1/',
    'https://2130706433/',
    'https://0x7f.1/',
    'https://0177.0.0.1/',
    'https://127.1/',
    'https://[::1]/',
    'https://[::ffff:127.0.0.1]/',
    'https://[::ffff:a9fe:a9fe]/',
    'https://localhost/',
    'https://169.254.169.254/latest/meta-data/',
    'https://10.0.0.8/',
    'https://[fd00::1]/',
    'https://0.0.0.0/',
  ])('%s is refused before anything is sent', async (url) => {
    expect(() => strict.requireAllowed(url)).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST' }));
    await expect(strict.post(url, {}, '{}')).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
  });

  it('is looked at again when its name is resolved: here it leads to this host', async () => {
    // A name of this host that says nothing by itself.
    const url = 'https://ip6-localhost.:1/';
    await expect(strict.post(url, {}, '{}')).rejects.toMatchObject({
      code: expect.stringMatching(/^(INVALID_REQUEST|WEBHOOK_NOT_TAKEN)$/),
    });
    expect(strict.requireAllowed('https://hooks.example.org/x?y=1').href).toBe('https://hooks.example.org/x?y=1');
  });

  it('may be of this network where the farm allows it, and plain for the loopback alone', () => {
    expect(lax.requireAllowed('http://127.0.0.1:8080/hook').port).toBe('8080');
    expect(lax.requireAllowed('https://10.0.0.8/').hostname).toBe('10.0.0.8');
    expect(() => lax.requireAllowed('http://10.0.0.8/')).toThrow();
  });
});
