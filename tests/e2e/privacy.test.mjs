// Words planted in audio and prompts are in no log, metric or error, and a crash would
// write no core.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import OpenAI, { toFile } from 'openai';
import WebSocket from 'ws';
import { recordings, startServer, to24k, until } from './world.mjs';

let server;
const planted = 'Quetzalcoatl';
const [recording] = recordings();

before(async () => { server = await startServer({ flags: ['--log-level', 'debug'] }); });
after(() => server.stop());

const seen = []; // every error text the server gave

async function rest() {
  const openai = new OpenAI({ baseURL: server.base, apiKey: planted, maxRetries: 0 });
  const file = () => toFile(recording.wav, `${planted}.wav`);
  const { text } = await openai.audio.transcriptions.create({ file: await file(), model: 'whisper-1', prompt: planted });
  for (const fields of [{ prompt: planted.repeat(200) }, { temperature: 7, prompt: planted },
    { file: await toFile(Buffer.from(planted), `${planted}.wav`) }])
    await openai.audio.transcriptions.create({ file: await file(), model: 'whisper-1', ...fields })
      .then(() => assert.fail('accepted'), (e) => seen.push(JSON.stringify(e.error), e.message));
  return text;
}

async function socket(path, messages, done) {
  const ws = new WebSocket(`ws://localhost:${server.port}${path}`);
  const events = [];
  ws.on('message', (m) => events.push(JSON.parse(m)));
  ws.on('close', (code, reason) => seen.push(String(reason)));
  await new Promise((open, fail) => ws.once('open', open).once('error', fail));
  for (const m of messages) ws.send(m);
  await until(() => done(events) || ws.readyState === WebSocket.CLOSED, path);
  seen.push(...events.filter((e) => e.type === 'error').map((e) => JSON.stringify(e)));
  ws.close();
}

test('what people say and write stays out of every record', async () => {
  const text = await rest();
  await socket('/v1/realtime?intent=transcription', [
    { type: 'session.update', session: { audio: { input: { turn_detection: null, transcription: { prompt: planted } } } } },
    { type: 'session.update', session: { audio: { input: { transcription: { prompt: planted, delay: planted } } } } },
    { type: planted, event_id: 'x' },
    { type: 'input_audio_buffer.append', audio: `${planted}*` },
    { type: 'input_audio_buffer.append', audio: to24k(recording.pcm).toString('base64') },
    { type: 'input_audio_buffer.commit' },
  ].map((m) => JSON.stringify(m)), (events) => events.some((e) => e.type.endsWith('.completed')));
  await socket(`/v1/listen?encoding=linear16&sample_rate=16000&keyterm=${planted}`,
    [recording.pcm, '{"type":"Finalize"}', planted], (events) => events.length > 5);
  const metrics = await (await fetch(server.base.replace('/v1', '/metrics'))).text();

  // the planted word, and the longer words that were said
  const words = [planted, ...new Set(text.match(/[A-Za-z]{5,}/g))];
  assert.ok(words.length > 4, text);
  for (const [where, record] of [['log', server.log], ['metrics', metrics], ['errors', seen.join('\n')]])
    for (const word of words) {
      // names of our own in the records: nobody said them
      const ours = /number|please|enter/i.test(word) && where !== 'log';
      if (!ours) assert.ok(!new RegExp(`\\b${word}\\b`, 'i').test(record), `${word} is in the ${where}`);
    }
});

test('no process would write a core', () => {
  const limit = (pid) => readFileSync(`/proc/${pid}/limits`, 'utf8').match(/Max core file size +(\S+)/)[1];
  const workers = readdirSync('/proc').filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/.*\) /, '').split(' ')[1] === String(server.process.pid);
    } catch {
      return false; // no process, or gone
    }
  });
  assert.ok(workers.length > 0);
  for (const pid of [server.process.pid, ...workers]) assert.equal(limit(pid), '0', `process ${pid}`);
});
