// What every test of the real clients needs: a server of this build, recordings of a real
// voice with what she says, and a count of wrong words.
//
// ROSTRUM_BUILD names the build folder (default build/release of this tree).
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import WebSocket from 'ws';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
export const build = process.env.ROSTRUM_BUILD ?? join(root, 'build', 'release');

export function temporaryFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'rostrum-e2e-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

// A certificate for localhost that nobody else trusts, made for one run.
function certificate(folder) {
  const key = join(folder, 'key.pem');
  const cert = join(folder, 'cert.pem');
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1',
    '-nodes', '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1',
    '-keyout', key, '-out', cert], { stdio: 'ignore' });
  return { key, cert };
}

// Starts `rostrum serve` with the models that are there and waits until it takes sessions.
export async function startServer({ tls = false, flags = [] } = {}) {
  const folder = temporaryFolder();
  const ready = join(folder, 'port');
  const args = ['serve', '--server-port', '0', '--models-manifest-dir', join(root, 'models'),
    '--models-engine-dir', build, '--ready-file', ready, ...flags];
  let ca;
  if (tls) {
    const { key, cert } = certificate(folder);
    args.push('--server-tls-key', key, '--server-tls-cert', cert);
    ca = readFileSync(cert);
  }
  const { ROSTRUM_BUILD, ...env } = process.env; // the server refuses settings it does not know
  const process_ = spawn(join(build, 'rostrum'), args, { stdio: ['ignore', 'pipe', 'pipe'], env });
  const server = { process: process_, ca, log: '', exited: false };
  for (const stream of [process_.stdout, process_.stderr]) stream.on('data', (b) => { server.log += b; });
  process_.once('exit', () => { server.exited = true; });
  for (let i = 0; i < 1200 && !existsSync(ready) && !server.exited; i++) await sleep(100);
  assert.ok(existsSync(ready), `the server does not get ready:\n${server.log}`);
  server.port = Number(readFileSync(ready, 'utf8'));
  server.base = `${tls ? 'https' : 'http'}://localhost:${server.port}/v1`;
  server.stop = async () => {
    if (server.exited) return;
    const end = new Promise((done) => process_.once('exit', done));
    process_.kill('SIGTERM');
    await end;
  };
  return server;
}

// Some of Debian's recordings: [{ id, wav, pcm (16 kHz mono s16), text }].
let recorded;
export function recordings() {
  if (recorded) return recorded;
  const folder = temporaryFolder();
  execFileSync(join(build, 'rostrum-dataset'), ['prompts', folder], { stdio: 'ignore' });
  const rows = readFileSync(join(folder, 'manifest.jsonl'), 'utf8').trim().split('\n').map((l) => JSON.parse(l));
  const wanted = ['agent-alreadyon', 'agent-incorrect', 'agent-newlocation'];
  recorded = wanted.map((id) => {
    const row = rows.find((r) => r.id === id);
    const wav = readFileSync(join(folder, row.audio));
    return { id, wav, pcm: wav.subarray(44), text: row.ref };
  });
  return recorded;
}

// pcm16 from 16 to 24 kHz: a sinc of 16 samples either side, so that nothing is heard twice.
const TAPS = 16;
const kernel = [0, 1 / 3, 2 / 3].map((phase) => Array.from({ length: 2 * TAPS }, (_, k) => {
  const x = k - TAPS + 1 - phase;
  const window = 0.5 + 0.5 * Math.cos((Math.PI * x) / (TAPS + 1));
  return (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x)) * window;
}));

export function to24k(pcm) {
  const n = pcm.length / 2;
  const samples = new Int16Array(n + 2 * TAPS);
  for (let i = 0; i < n; i++) samples[i + TAPS] = pcm.readInt16LE(i * 2);
  const out = Buffer.alloc(Math.floor(n * 1.5) * 2);
  for (let i = 0; i < out.length / 2; i++) {
    const whole = Math.floor((i * 2) / 3);
    const taps = kernel[(i * 2) % 3];
    let sum = 0;
    for (let k = 0; k < 2 * TAPS; k++) sum += samples[whole + k + 1] * taps[k];
    out.writeInt16LE(Math.max(-32768, Math.min(32767, Math.round(sum))), i * 2);
  }
  return out;
}

export const silence = (ms, rate) => Buffer.alloc(Math.round((ms * rate) / 1000) * 2);

// Pieces of a buffer, each after as much time as it would take to say it.
export async function* paced(pcm, rate, ms = 100) {
  const bytes = Math.round((rate * ms) / 1000) * 2;
  const begun = performance.now();
  for (let at = 0, i = 1; at < pcm.length; at += bytes, i++) {
    const wait = begun + i * ms - performance.now();
    if (wait > 0) await sleep(wait);
    yield pcm.subarray(at, at + bytes);
  }
}

const words = (text) => text.toLowerCase().replace(/[^a-z0-9' ]/g, ' ').split(/\s+/).filter(Boolean);

// Word errors over words of the reference.
export function wordErrorRate(reference, said) {
  const a = words(reference);
  const b = words(said);
  let row = b.map((_, j) => j + 1);
  row.unshift(0);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    row = next;
  }
  return row[b.length] / a.length;
}

// Models of ENGINES.md's figures: Moonshine makes few errors on this voice; the floor
// engine, which serves where no weights were fetched, about one word in three.
export async function tolerance(server) {
  const models = await (await fetch(`${server.base}/models`)).json();
  return models.data.some((m) => m.id.startsWith('moonshine')) ? 0.15 : 0.6;
}

// What an upgrade that must be refused is answered: { status, headers, body }.
export async function refused(url, options) {
  const ws = new WebSocket(url, options);
  return new Promise((done, fail) => ws.once('open', () => fail(new Error(`accepted: ${url}`)))
    .once('unexpected-response', (_, response) => {
      let text = '';
      response.on('data', (b) => { text += b; }).on('end', () => done({
        status: response.statusCode, headers: response.headers, body: JSON.parse(text) }));
    }));
}

// A value of /metrics; NaN: it is not there.
export async function metric(server, name) {
  const page = await (await fetch(server.base.replace('/v1', '/metrics'))).text();
  return Number(new RegExp(`^${name} (\\S+)`, 'm').exec(page)?.[1] ?? NaN);
}

// Waits until test() is true; fails after `seconds`.
export async function until(test, what, seconds = 30) {
  for (let i = 0; i < seconds * 50; i++) {
    if (await test()) return;
    await sleep(20);
  }
  assert.fail(`not within ${seconds} s: ${what}`);
}
