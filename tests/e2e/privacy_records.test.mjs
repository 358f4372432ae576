// What people say, write and sign in with stays out of every record: logs of the server
// and its workers at --log-level debug, /metrics, the health pages, and every error a
// client is given. No process would write a core.
//
// Two kinds of words are planted. Secrets (speech, prompts, key terms, values, file names,
// keys, broken messages) are in no record. Names a client made up (of a field, a
// parameter, an event type) may come back to that client in its own error, which says what
// it got wrong; they are in no log and no metric. Each test adds its traffic and reads all
// records again.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import WebSocket from 'ws';

const here = dirname(fileURLToPath(import.meta.url));
// Before world.mjs is read: the server runs in a folder of its own.
if (process.env.ROSTRUM_BUILD) process.env.ROSTRUM_BUILD = resolve(process.env.ROSTRUM_BUILD);
const { build, startServer, temporaryFolder, to24k, until } = await import('./world.mjs');

// What is said, and words of it that nobody else says: what a model makes of the recording
// differs, so each of these may be missing, but not all of them.
const RECORDING = 'priv-callee-options';
const SAID = ['torture', 'forevermore', 'voicemail', 'polite', 'menus', 'straight'];

const secrets = new Map(); // word -> where it was planted
const names = new Map();
let planted = 0;

// A word no dictionary has, one for each place, so that a leak says where it came from.
function plant(where, into = secrets) {
  const word = `quetzal${createHash('sha256').update(`${planted++} ${where}`).digest('hex').slice(0, 10)}`;
  into.set(word, where);
  return word;
}

let server, key, quota, wav, pcm, encoded;
const errors = []; // every error text, close reason and refusal that a client was given
const good = [];   // every answer with words in it

function recording(folder) {
  execFileSync(join(build, 'rostrum-dataset'), ['prompts', folder], { stdio: 'ignore' });
  const rows = readFileSync(join(folder, 'manifest.jsonl'), 'utf8').trim().split('\n');
  return readFileSync(join(folder, rows.map((l) => JSON.parse(l)).find((r) => r.id === RECORDING).audio));
}

function newKey(name, ...flags) {
  const made = execFileSync(join(build, 'rostrum'), ['key', 'new', name, '--json', ...flags]);
  const { key: secret, line } = JSON.parse(made);
  for (const [part, what] of [[secret.slice(4), 'key'], [secret.slice(4, 16), 'beginning of a key'],
    [secret.slice(-12), 'end of a key'], [/sha256:(\w{16})/.exec(line)[1], 'hash of a key']])
    secrets.set(part, what);
  return { secret, line };
}

before(async () => {
  const folder = temporaryFolder();
  wav = recording(folder);
  pcm = wav.subarray(44);
  encoded = to24k(pcm).toString('base64');
  // audio as it travels: a piece from the middle, which is not silence
  secrets.set(encoded.slice(100_000, 100_024), 'audio in base64');
  const made = newKey('tenant');
  const narrow = newKey('narrow', '--sessions', '1');
  key = made.secret;
  quota = narrow.secret;
  const keys = join(folder, 'keys');
  writeFileSync(keys, `${made.line}\n${narrow.line}\n`, { mode: 0o600 });
  process.chdir(folder);
  server = await startServer({ flags: ['--log-level', 'debug', '--server-keys-file', keys] });
  server.root = server.base.replace('/v1', '');
});
after(() => server?.stop());

// --- traffic ---

const bearer = (secret = key) => ({ Authorization: `Bearer ${secret}` });

async function post(parts, { headers = bearer(), bad = true, path = '/v1/audio/transcriptions' } = {}) {
  let body = parts;
  if (Array.isArray(parts)) {
    body = new FormData();
    for (const [name, value, file] of parts)
      if (file) body.append(name, new Blob([value]), file);
      else body.append(name, value);
  }
  const response = await fetch(server.root + path, { method: 'POST', headers, body });
  const text = await response.text();
  if (bad !== null) assert.equal(response.status >= 400, bad, `${response.status} ${text}`);
  (response.status >= 400 ? errors : good).push(text);
  return text;
}

// Opens a socket, sends messages (functions are awaited), waits until done(events).
async function talk(path, messages, done = () => true, { headers = bearer(), protocols = [] } = {}) {
  const ws = new WebSocket(`ws://127.0.0.1:${server.port}${path}`, protocols, { headers });
  const events = [];
  let over = false;
  let refused = 0;
  ws.on('message', (m) => {
    const event = JSON.parse(m);
    events.push(event);
    const failed = event.type === 'error' || event.type === 'Error' || /failed$/.test(event.type ?? '');
    (failed ? errors : good).push(String(m));
  });
  ws.on('close', (code, reason) => {
    over = true;
    errors.push(String(reason));
  });
  ws.on('error', () => { over = true; });
  ws.on('unexpected-response', (_, response) => {
    refused = response.statusCode;
    errors.push(JSON.stringify(response.headers));
    response.on('data', (b) => errors.push(String(b)));
    response.on('end', () => { over = true; });
  });
  await until(() => over || ws.readyState === WebSocket.OPEN, path);
  if (ws.readyState === WebSocket.OPEN) {
    for (const m of messages) {
      if (typeof m === 'function') await m();
      else if (ws.readyState === WebSocket.OPEN)
        ws.send(typeof m === 'string' || Buffer.isBuffer(m) ? m : JSON.stringify(m));
    }
    await until(() => over || done(events), path, 60);
  }
  ws.close();
  await until(() => over, `${path} closes`);
  return { events, refused };
}

const REALTIME = '/v1/realtime?intent=transcription';
const update = (input, more) => ({ type: 'session.update', session: { type: 'transcription', audio: { input }, ...more } });
const appends = () => encoded.match(/.{1,64000}/g).map((audio) => ({ type: 'input_audio_buffer.append', audio }));
const binary = (bytes = pcm) => Array.from({ length: Math.ceil(bytes.length / 6400) },
  (_, i) => bytes.subarray(6400 * i, 6400 * (i + 1)));
const linear = (more) => `/v1/listen?encoding=linear16&sample_rate=16000&interim_results=true${more}`;
const ended = (type) => (events) => events.some((e) => e.type.endsWith(type));

// --- what is looked for, and where ---

// Words heard in any answer so far, for what a model makes up is as private as what was said.
function heard() {
  const text = good.join(' ').toLowerCase();
  return SAID.filter((word) => text.includes(word));
}

const records = async () => {
  const page = async (path) => (await fetch(server.root + path)).text();
  return { log: server.log, errors: errors.join('\n'), '/metrics': await page('/metrics'),
    '/healthz': await page('/healthz'), '/readyz': await page('/readyz') };
};

const found = (record, word) => record.toLowerCase().includes(word.toLowerCase());

async function nothingLeaked() {
  await sleep(200); // a log line may still be in the pipe
  const all = await records();
  assert.ok(all.log.includes('worker_ready') && all.log.includes('engine ready'),
    'the log holds lines of the server and of its workers');
  assert.match(all['/metrics'], /^rostrum_sessions_total/m);
  for (const [where, record] of Object.entries(all)) {
    for (const word of SAID) assert.ok(!found(record, word), `"${word}", which was said, is in ${where}`);
    for (const [word, what] of secrets) assert.ok(!found(record, word), `${what} is in ${where}`);
    if (where !== 'errors')
      for (const [word, what] of names) assert.ok(!found(record, word), `${what} is in ${where}`);
  }
}

function workers(parent = server.process.pid) {
  return readdirSync('/proc').filter((pid) => /^\d+$/.test(pid)).filter((pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      return stat.replace(/.*\) /s, '').split(' ')[1] === String(parent);
    } catch {
      return false; // gone meanwhile
    }
  }).map(Number);
}

test('what is uploaded is in no record', async () => {
  const file = (name = plant('file name')) => ['file', wav, `${name}.wav`];
  const model = ['model', 'whisper-1'];
  for (const format of ['json', 'text', 'verbose_json', 'srt', 'vtt'])
    await post([file(), model, ['prompt', plant('prompt')], ['response_format', format]], { bad: false });
  await post([file(), model, ['prompt', plant('prompt')], ['stream', 'true']], { bad: false });
  // The search itself works: words that were said are in the good answers.
  assert.ok(heard().length >= 2, good.join('\n'));
  await nothingLeaked();
});

test('a bad upload is told without what it held', async () => {
  const file = ['file', wav, 'a.wav'];
  const either = { bad: null }; // some values may be passed over; none may be kept
  const secret = (name, filler = '') => [name, plant(`value of ${name}`) + filler];
  await post([file, ['model', 'whisper-1'], secret('prompt', 'x'.repeat(100_000))]);
  for (const name of ['response_format', 'temperature', 'stream', 'language', 'timestamp_granularities[]', 'include[]'])
    await post([file, ['model', 'whisper-1'], secret(name)], either);
  await post([file, secret('model')]);
  await post([file, ['model', 'whisper-1'], [plant('name of a form field', names), plant('value of an unknown field')]]);
  await post([['model', 'whisper-1'], ['file', plant('a file that is no audio'), `${plant('file name')}.wav`]]);
  const broken = Buffer.concat([wav.subarray(0, 12), Buffer.from(plant('broken container')), wav.subarray(60, 600)]);
  await post([['model', 'whisper-1'], ['file', broken, `${plant('file name')}.wav`]]);
  await post([['model', 'whisper-1'], [plant('name of a second file', names), wav, `${plant('file name')}.wav`]]);
  const form = (text) => ({ text: text.replaceAll('\n', '\r\n'),
    headers: { ...bearer(), 'content-type': 'multipart/form-data; boundary=b' } });
  for (const { text, headers } of [
    form(`--b\nContent-Disposition: form-data; name="prompt"\n\n${plant('form without an end')}`),
    form(`--b\n${plant('part without headers')}\n\nx\n--b--\n`),
    form(`--b\nContent-Disposition: form-data; name="a; filename=${plant('broken disposition')}\n\nx\n--b--\n`),
    form(`${plant('no form at all')}`)]) await post(text, { headers });
  await post(plant('body of no known type'), { headers: { ...bearer(), 'content-type': 'text/plain' } });
  await post('{}', { headers: { ...bearer(), 'content-type': `multipart/form-data; boundary=${plant('boundary').repeat(9)}` } });
  await post(plant('body of an unknown path'), { path: `/v1/${plant('unknown path', names)}?q=${plant('query of an unknown path')}` });
  const page = await fetch(`${server.root}/v1/models/${plant('unknown model', names)}`, { headers: bearer() });
  assert.equal(page.status, 404);
  errors.push(await page.text());
  await nothingLeaked();
});

test('a Realtime session leaves nothing behind', async () => {
  const ask = { turn_detection: null, transcription: { model: 'whisper-1', prompt: plant('Realtime prompt') } };
  const said = await talk(REALTIME, [update(ask, { include: ['rostrum.partial'] }), ...appends(),
    { type: 'input_audio_buffer.commit' }], ended('transcription.completed'));
  assert.ok(ended('transcription.completed')(said.events));
  await talk(REALTIME, [update({ transcription: { prompt: plant('prompt too long').repeat(4000) } }),
    update({ transcription: { model: plant('unknown model') } }),
    update({ transcription: { delay: plant('bad delay') } }),
    update({ transcription: { language: plant('bad language').repeat(3) } }),
    update({ turn_detection: { type: plant('bad turn detection') } }),
    update({ format: { type: plant('bad format') } }),
    update({ [plant('name of a setting', names)]: plant('value of an unknown setting') }),
    update({ transcription: { prompt: [plant('prompt of a wrong type')] } }),
    { type: plant('name of an event', names), secret: plant('value in an unknown event') },
    { type: 'input_audio_buffer.append', audio: `${plant('bad base64')}*!` },
    { type: 'input_audio_buffer.append', audio: { text: plant('audio of a wrong type') } },
    { type: 'input_audio_buffer.commit', note: plant('member nobody asked for') },
    `{"type":"session.update","session":{"prompt":"${plant('malformed JSON')}`,
    `${plant('no JSON')}`,
    `["${plant('JSON of another shape')}"]`,
    `{"type":"input_audio_buffer.append","audio":"${plant('unfinished base64')}`,
  ], (events) => events.filter((e) => e.type === 'error').length >= 12);
  await talk(REALTIME, [Buffer.from(plant('binary where text belongs'))], (events) => events.length > 1);
  await nothingLeaked();
});

test('a listen session leaves nothing behind', async () => {
  const last = (events) => events.some((e) => e.type === 'Metadata');
  const said = await talk(linear(`&keyterm=${plant('key term')}&keywords=${plant('key word')}:2&tag=${plant('tag')}`
    + `&extra=${plant('extra')}`), [...binary(), { type: 'Finalize' }, { type: 'CloseStream' }], last);
  assert.ok(said.events.some((e) => e.channel?.alternatives?.[0]?.transcript));
  await talk(linear(''), [...binary(pcm.subarray(0, 64000)), `{"type":"${plant('malformed listen JSON')}`,
    plant('no listen JSON'), { type: plant('name of a listen message', names), text: plant('value in it') },
    { type: 'CloseStream' }], last);
  for (const query of [`&model=${plant('unknown model', names)}`, `&encoding=${plant('bad encoding')}`,
    `&sample_rate=${plant('bad rate')}`, `&endpointing=${plant('bad endpointing')}`,
    `&channels=${plant('bad channels')}`, `&redact=${plant('what is not offered')}`,
    `&callback=https://${plant('callback')}`, `&language=${plant('long language').repeat(8)}`,
    `&keyterm=${plant('long key term').repeat(300)}`, `&interim_results=${plant('bad flag')}`,
    `&keyterm=${plant('bad escape')}%zz`,
    `&${plant('name of a parameter', names)}=${plant('value of an unknown parameter')}`]) {
    const { refused } = await talk(linear(query), []);
    assert.ok(refused >= 400, query);
  }
  // No encoding said: the first bytes must be a container, and these are not.
  await talk('/v1/listen', [Buffer.from(plant('listen container').repeat(40)), { type: 'CloseStream' }],
    () => true);
  await nothingLeaked();
});

test('keys are in no record, known or not', async () => {
  const unknown = () => `rsk_${plant('unknown key')}`;
  for (const headers of [bearer(unknown()), { Authorization: `Token ${unknown()}` },
    { Authorization: `Basic ${plant('key of another scheme')}` }, { Authorization: unknown() }]) {
    await post([['file', wav, 'a.wav']], { headers });
    for (const path of [REALTIME, linear('')])
      assert.equal((await talk(path, [], undefined, { headers })).refused, 401);
  }
  for (const protocols of [['realtime', `openai-insecure-api-key.${unknown()}`], ['token', unknown()]])
    assert.equal((await talk(REALTIME, [], undefined, { headers: {}, protocols })).refused, 401);
  await talk(REALTIME, [], ended('session.created'),
    { headers: {}, protocols: ['realtime', `openai-insecure-api-key.${key}`] });
  await talk(linear(''), [], undefined, { headers: {}, protocols: ['token', key] });
  // Over its quota: the refusal knows whose key it was.
  await talk(REALTIME, [async () => {
    assert.equal((await talk(linear(''), [], undefined, { headers: bearer(quota) })).refused, 429);
  }], undefined, { headers: bearer(quota) });
  await nothingLeaked();
});

test('a worker that is killed takes its words with it', { timeout: 120_000 }, async () => {
  const kill = () => workers().forEach((pid) => process.kill(pid, 'SIGKILL'));
  let calls = 0;
  const bothSpeak = async () => {
    calls++;
    await until(() => calls === 2, 'the other session speaks');
    await sleep(700); // the engines are in the middle of it
    kill();
  };
  const before = errors.length;
  const half = appends().slice(0, 4);
  await Promise.all([
    talk(REALTIME, [update({ transcription: { model: 'whisper-1', prompt: plant('prompt of a killed worker') } },
      { include: ['rostrum.partial'] }), ...half, bothSpeak], (events) => events.some((e) => e.type === 'error')),
    talk(linear(`&keyterm=${plant('key term of a killed worker')}`), [...binary(pcm.subarray(0, 160_000)), bothSpeak],
      () => false),
  ]);
  assert.ok(errors.slice(before).some((e) => e.includes('worker_lost')), errors.slice(before).join('\n'));
  await until(() => /worker_lost/.test(server.log), 'the log says that the worker was lost');
  await nothingLeaked();
});

// --- cores ---

const coreLimit = (pid) => readFileSync(`/proc/${pid}/limits`, 'utf8').match(/Max core file size +(\S+) +(\S+)/);

test('no process may write a core', () => {
  const pids = [server.process.pid, ...workers()];
  assert.ok(pids.length > 1);
  for (const pid of pids) {
    assert.deepEqual(coreLimit(pid).slice(1), ['0', '0'], `process ${pid}`);
  }
});

// A handler of cores that is a pipe ignores the limit; only the second guard stops it. The
// kernel hides the program of a process that would leave no core from its equals, but
// for CAP_SYS_PTRACE, which root puts down for this server and for the one who looks.
test('no process would give a core to a handler that ignores the limit', async (t) => {
  const equal = process.getuid() === 0 ? ['setpriv', '--bounding-set', '-sys_ptrace', '--'] : ['env'];
  const { ROSTRUM_BUILD, ...env } = process.env; // the server refuses settings it does not know
  const start = (...argv) => spawn(equal[0], [...equal.slice(1), ...argv], { stdio: 'ignore', env });
  const open = (pid) => spawnSync(equal[0], [...equal.slice(1), 'readlink', `/proc/${pid}/exe`]).status === 0;
  const control = start('sleep', '300');
  const guarded = start(join(build, 'rostrum'), 'serve', '--server-port', '0', '--models-engine-dir', build,
    '--models-manifest-dir', join(here, '..', '..', 'models'), '--models-serve', 'pocketsphinx', '--ready-file', 'guarded');
  try {
    await sleep(500); // the programs have replaced setpriv
    if (!open(control.pid)) return t.skip('this kernel hides every process');
    await until(() => existsSync('guarded'), 'the second server is ready', 60);
    const pids = [guarded.pid, ...workers(guarded.pid)];
    assert.ok(pids.length > 1);
    for (const pid of pids) assert.ok(!open(pid), `process ${pid} is dumpable`);
  } finally {
    control.kill();
    guarded.kill();
  }
  return undefined;
});
