import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { git, repository } from '../provision/releases.ts';
import { HOST, startProxy, startWeb } from '../provision/web.ts';
import { unetPlace } from './unet-process.ts';

/** A repository and a tarball of it on an https server that is reached by a proxy alone. */
async function site({ answer }: { answer?: string } = {}) {
  const place = unetPlace();
  const { directory, commits } = await repository();
  const root = join(place.directory, 'www');
  mkdirSync(root);
  await git(directory, 'clone', '-q', '--bare', directory, join(root, 'usernetes.git'));
  const tarball = join(root, 'v1.tar.gz');
  await git(directory, 'archive', '--format=tar.gz', '--prefix=usernetes-1/', '-o', tarball, 'v1');
  const web = await startWeb(root, place.directory);
  const proxy = await startProxy(web.port, answer === undefined ? {} : { answer });
  const sha256 = createHash('sha256').update(readFileSync(tarball)).digest('hex');
  const env = { https_proxy: proxy.url, GIT_SSL_CAINFO: web.ca, NODE_EXTRA_CA_CERTS: web.ca };
  return { place, web, proxy, env, commits, sha256, url: `https://${HOST}/usernetes.git` };
}

/** A PATH without git. */
function withoutGit(directory: string): string {
  const bin = join(directory, 'bin');
  mkdirSync(bin);
  symlinkSync(process.execPath, join(bin, 'node'));
  return bin;
}

describe('git over https', () => {
  it('goes through the proxy and believes the CA of the environment', async () => {
    const { place, proxy, env, url, commits } = await site();
    const { stderr, exitCode } = await place.start(['cache', 'add', `${url}#v1`, '--json'], env);
    expect(stderr).toBe('');
    expect(exitCode).toBe(0);
    expect(proxy.connects).toContain(`${HOST}:443`);
    const listed = JSON.parse((await place.start(['cache', 'list', '--json'])).stdout);
    expect(listed.commit).toBe(commits[0]);
  });

  it('goes to a mirror, and is remembered by the name that was asked for', async () => {
    const { place, web, env, url } = await site();
    const mirror = ['--mirror', `https://github.com/somebody/=https://${HOST}/`];
    const asked = 'https://github.com/somebody/usernetes.git#v1';
    const { stderr } = await place.start(['cache', 'add', asked, ...mirror], env);
    expect(stderr).toContain(`${asked} is in the cache`);
    expect(web.requests.join()).toContain('/usernetes.git/info/refs');
    expect((await place.start(['cache', 'path', asked])).exitCode).toBe(0);
    expect((await place.start(['cache', 'path', `${url}#v1`])).exitCode).toBe(1);
  });

  it('fails with git’s words where the proxy refuses, and asks nobody for a password', async () => {
    const { place, env, url } = await site({ answer: '407 Proxy Authentication Required' });
    const { stderr, exitCode } = await place.start(['cache', 'add', `${url}#v1`], env);
    expect(stderr).toMatch(/UNET_RELEASE_FETCH[\s\S]*407/);
    expect(exitCode).toBe(1);
  });
});

describe('a tarball over https', () => {
  it('goes through the proxy, through redirects, and is checked; git is not needed', async () => {
    const { place, proxy, web, env, sha256 } = await site();
    const url = `https://${HOST}/redirect/v1.tar.gz#sha256=${sha256}`;
    const only = { ...env, PATH: withoutGit(place.directory) };
    const { stderr, stdout, exitCode } = await place.start(['cache', 'add', url], only);
    expect(stderr).toContain('is in the cache');
    expect(exitCode).toBe(0);
    expect(proxy.connects).toEqual([`${HOST}:443`, `${HOST}:443`]);
    expect(web.requests).toEqual(['GET /redirect/v1.tar.gz', 'GET /files/v1.tar.gz']);
    // Cached, it is got without a proxy that could be reached.
    const offline = { ...only, https_proxy: 'http://127.0.0.1:1' };
    expect((await place.start(['cache', 'add', url], offline)).stdout).toBe(stdout);
    // It is the tree of the tag, from wherever it comes.
    const cloned = await place.start(['cache', 'add', `https://${HOST}/usernetes.git#v1`], env);
    expect(dirname(cloned.stdout)).toBe(dirname(stdout));
  });

  it('obeys no_proxy', async () => {
    const { place, proxy, web, env, sha256 } = await site();
    const url = `https://localhost:${web.port}/files/v1.tar.gz#sha256=${sha256}`;
    const { stderr } = await place.start(['cache', 'add', url], { ...env, no_proxy: 'localhost' });
    // The certificate is for the other name: so it was asked directly.
    expect(stderr).toMatch(/could not be downloaded: .*(altnames|certificate)/);
    expect(proxy.connects).toEqual([]);
  });

  it('with another checksum is refused, and leaves nothing', async () => {
    const { place, env, sha256 } = await site();
    const wrong = `${sha256.slice(0, -1)}${sha256.endsWith('0') ? '1' : '0'}`;
    const { stderr, exitCode } = await place.start(
      ['cache', 'add', `https://${HOST}/files/v1.tar.gz#sha256=${wrong}`],
      env,
    );
    expect(stderr).toContain('UNET_RELEASE_CHECKSUM');
    expect(stderr).toContain(`has the checksum ${sha256}, not ${wrong}`);
    expect(exitCode).toBe(1);
    expect(readdirSync(join(place.cache, 'v1/releases'))).toEqual([]);
  });

  it.each([
    ['/files/v9.tar.gz', undefined, /answered 404/],
    ['/files/v1.tar.gz', '403 Forbidden', /could not be downloaded: /],
  ] as const)('that cannot be had says why: %s, proxy %s', async (path, answer, message) => {
    const { place, env, sha256 } = await site(answer === undefined ? {} : { answer });
    const { stderr, exitCode } = await place.start(
      ['cache', 'add', `https://${HOST}${path}#sha256=${sha256}`],
      env,
    );
    expect(stderr).toMatch(message);
    expect(stderr).toContain('UNET_RELEASE_FETCH');
    expect(exitCode).toBe(1);
  });

  it('says that the CA is not known', async () => {
    const { place, env, sha256 } = await site();
    const { NODE_EXTRA_CA_CERTS: _, ...without } = env;
    const { stderr } = await place.start(
      ['cache', 'add', `https://${HOST}/files/v1.tar.gz#sha256=${sha256}`],
      without,
    );
    expect(stderr).toMatch(/could not be downloaded: self-signed certificate/);
  });
});
