// Random interleavings of connect, send, commit, clear, cancel, silence, worker kill and
// reconnect, with audio that spells its owner: no word of one session reaches another.
//
// The worker is the documentation's engine: 100 ms of sound is the word "loud" or
// "quiet". Each session says a pattern of its own, so that every transcript must be a
// beginning of it. SOAK_STEPS sets the number of steps (default 2,000).
import { test, after, before } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import WebSocket from 'ws';

const here = dirname(fileURLToPath(import.meta.url));
const build = process.env.BUILD_DIR ?? join(here, '..', '..', 'build', 'release');
const STEPS = Number(process.env.SOAK_STEPS ?? 2000);
const CLIENTS = 24;
const PATTERN_WORDS = 16;
const RATE = 24000; // OpenAI's

let server, port;

// The example engine as a model; a manifest names at least one file, so it gets one.
function exampleManifest(folder) {
  const weights = join(folder, 'nothing.bin');
  writeFileSync(weights, 'nothing');
  const sha256 = createHash('sha256').update('nothing').digest('hex');
  writeFileSync(join(folder, 'serve.yaml.conf'), 'models:\n  serve: [example]\n');
  writeFileSync(join(folder, 'example.yaml'), `name: example
version: "1"
kind: asr
engine: example
languages: [en]
sample_rate_hz: 16000
feature_contract: pcm f32 16000 Hz mono, raw waveform
licence: Apache-2.0
source: this repository
get: make
settings:
  loud: "0.1"
files:
  - path: ${weights}
    sha256: ${sha256}
    bytes: 7
`);
}

before(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rostrum-'));
  const ready = join(folder, 'port');
  exampleManifest(folder);
  server = spawn(join(build, 'rostrum'), ['serve', '--server-port', '0',
    '--config', join(folder, 'serve.yaml.conf'),
    '--models-manifest-dir', folder, '--models-engine-dir', build,
    '--workers-slots', '32', '--log-level', 'error', '--ready-file', ready],
  { stdio: ['ignore', 'ignore', 'inherit'] });
  for (let i = 0; i < 200 && !existsSync(ready); i++) await sleep(50);
  port = Number(readFileSync(ready, 'utf8'));
});

after(async () => {
  server.kill('SIGTERM');
  await new Promise((done) => server.once('exit', done));
});

// A small generator of our own: the same seed gives the same run.
let state = 20261122;
const random = (n) => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * n);
};

const words = (id) => Array.from({ length: PATTERN_WORDS }, (_, i) => ((id >> i) & 1 ? 'loud' : 'quiet'));

// 100 ms of a 200 Hz tone, loud or quiet, as base64 pcm16.
const tone = Object.fromEntries(['loud', 'quiet'].map((word) => {
  const pcm = Buffer.alloc((RATE / 10) * 2);
  for (let i = 0; i < RATE / 10; i++) {
    const level = word === 'loud' ? 0.6 : 0.06;
    pcm.writeInt16LE(Math.round(32767 * level * Math.sin((2 * Math.PI * 200 * i) / RATE)), 2 * i);
  }
  return [word, pcm.toString('base64')];
}));

const workers = () => readdirSync('/proc').filter((pid) => /^\d+$/.test(pid)).filter((pid) => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.includes('(rostrum-engine-') && stat.split(') ')[1].split(' ')[1] === String(server.pid);
  } catch { return false; }
});

const seen = { transcripts: 0, words: 0, refused: 0, lost: 0, killed: 0, sessions: 0 };

class Client {
  constructor() { this.socket = null; }

  connect() {
    this.id = 1 + random(2 ** PATTERN_WORDS - 1);
    this.pattern = words(this.id);
    this.said = 0;
    const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/realtime?intent=transcription`);
    this.socket = socket;
    this.open = false;
    socket.on('open', () => {
      seen.sessions++;
      this.open = true;
      socket.send(JSON.stringify({ type: 'session.update', session: { type: 'transcription',
        audio: { input: { format: { type: 'audio/pcm', rate: RATE }, turn_detection: null } }, include: ['rostrum.partial'] } }));
    });
    socket.on('unexpected-response', (_, response) => {
      assert.equal(response.statusCode, 503);
      assert.ok(response.headers['retry-after']);
      seen.refused++;
      response.resume();
      this.forget(socket);
    });
    socket.on('message', (text) => this.check(JSON.parse(text)));
    socket.on('error', () => {});
    socket.on('close', () => this.forget(socket));
  }

  forget(socket) {
    if (this.socket === socket) this.socket = null;
  }

  // Whatever arrives must be a beginning of what this very session said.
  check(event) {
    let text;
    if (event.type === 'conversation.item.input_audio_transcription.completed') text = event.transcript;
    else if (event.type === 'rostrum.transcription.partial') text = `${event.committed} ${event.tentative}`;
    else if (event.type === 'error') {
      assert.equal(event.error.code, 'worker_lost');
      seen.lost++;
      return;
    } else return;
    const heard = text.trim().split(/\s+/).filter(Boolean);
    heard.forEach((word, i) => assert.equal(word, this.pattern[i % PATTERN_WORDS],
      `session ${this.id} was given ${text}`));
    assert.ok(heard.length <= this.spoken + 1, 'more words than were said');
    seen.transcripts++;
    seen.words += heard.length;
  }

  get spoken() { return Math.max(this.said, this.last ?? 0); }

  send(event) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(event));
  }

  say(n) {
    for (let i = 0; i < n; i++) {
      this.send({ type: 'input_audio_buffer.append', audio: tone[this.pattern[this.said % PATTERN_WORDS]] });
      this.said++;
    }
  }

  end(type) {
    this.send({ type });
    this.last = Math.max(this.last ?? 0, this.said);
    this.said = 0;
  }

  step() {
    if (!this.socket) return this.connect();
    if (!this.open) return undefined;
    switch (random(12)) {
      case 0: case 1: // under 100 ms a commit is refused and the audio kept
        return this.said >= 2 ? this.end('input_audio_buffer.commit') : undefined;
      case 2: return this.end('input_audio_buffer.clear');
      case 3: return this.socket.terminate(); // a reset, in the middle of whatever it was
      case 4: return this.socket.close();
      case 5: return undefined; // silent for a while
      default: return this.say(1 + random(6));
    }
  }
}

test(`no word of one session reaches another in ${STEPS} random steps`, { timeout: 900_000 }, async () => {
  const clients = Array.from({ length: CLIENTS }, () => new Client());
  for (let i = 0; i < STEPS; i++) {
    if (random(400) === 0) {
      for (const pid of workers()) process.kill(Number(pid), 'SIGKILL');
      seen.killed++;
    }
    clients[random(CLIENTS)].step();
    if (random(3) === 0) await sleep(random(8));
  }
  await sleep(500);
  for (const client of clients) client.socket?.terminate();
  console.log(JSON.stringify(seen));
  assert.ok(seen.transcripts > STEPS / 100, 'too few transcripts to prove anything');
  assert.ok(seen.killed > 0 && seen.lost > 0, 'no worker was killed under a session');
  assert.equal(server.exitCode, null, 'the server is still there');
  let last;
  // Everything is given back: the slots of all vanished sessions are free again.
  for (let i = 0; i < 60; i++) {
    const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const value = (name) => Number(new RegExp(`^${name} (\\d+)`, 'm').exec(metrics)?.[1] ?? NaN);
    last = { open: value('rostrum_slots_open'), ready: value('rostrum_workers_ready') };
    if (last.open === 0 && last.ready === 1) return;
    await sleep(100);
  }
  assert.fail(`6 s after the last session: ${JSON.stringify(last)}`);
});
