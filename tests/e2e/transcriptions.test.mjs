// The `openai` package, unchanged: whole files to words.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import OpenAI, { toFile } from 'openai';
import { metric, recordings, startServer, tolerance, wordErrorRate } from './world.mjs';

let server, openai, worst;
const [first, second] = recordings();
const file = (r) => toFile(r.wav, `${r.id}.wav`);

before(async () => {
  server = await startServer();
  worst = await tolerance(server);
  openai = new OpenAI({ baseURL: server.base, apiKey: 'none', maxRetries: 0 });
});
after(() => server.stop());

test('a file becomes its words', async () => {
  for (const r of [first, second]) {
    const answer = await openai.audio.transcriptions.create({ file: await file(r), model: 'whisper-1' });
    assert.ok(wordErrorRate(r.text, answer.text) <= worst, `${r.text} / ${answer.text}`);
    assert.equal(answer.usage.type, 'duration');
    assert.ok(Math.abs(answer.usage.seconds - r.pcm.length / 32000) < 0.01);
  }
});

test('verbose_json has words and segments inside the file', async () => {
  const answer = await openai.audio.transcriptions.create({
    file: await file(first), model: 'whisper-1', response_format: 'verbose_json', language: 'en', prompt: 'agents',
    temperature: 0, timestamp_granularities: ['word', 'segment'],
  });
  assert.equal(answer.task, 'transcribe');
  assert.equal(answer.segments.map((s) => s.text).join(' '), answer.text);
  assert.equal(answer.words.map((w) => w.word).join(' '), answer.text);
  let last = 0;
  for (const w of answer.words) {
    assert.ok(w.start >= last && w.end >= w.start && w.end <= answer.duration + 0.01, JSON.stringify(w));
    last = w.start;
  }
});

test('text, srt and vtt are texts', async () => {
  for (const response_format of ['text', 'srt', 'vtt']) {
    const answer = await openai.audio.transcriptions.create({ file: await file(first), model: 'whisper-1', response_format });
    assert.equal(typeof answer, 'string');
    assert.equal(answer.startsWith('WEBVTT\n\n'), response_format === 'vtt');
    assert.equal(/^\d+\n\d\d:\d\d:\d\d,\d{3} --> /.test(answer), response_format === 'srt');
  }
});

test('a streamed answer adds up to its text', async () => {
  const stream = await openai.audio.transcriptions.create({ file: await file(first), model: 'gpt-4o-transcribe', stream: true });
  let deltas = '';
  let done;
  for await (const event of stream) {
    if (event.type === 'transcript.text.delta') deltas += event.delta;
    else if (event.type === 'transcript.text.done') done = event;
  }
  assert.equal(deltas, done.text);
  assert.ok(wordErrorRate(first.text, done.text) <= worst, done.text);
});

test('errors arrive as the package knows them', async () => {
  const ask = async (fields) =>
    openai.audio.transcriptions.create({ file: await file(first), model: 'whisper-1', ...fields });
  await assert.rejects(ask({ model: 'whisper-none' }), (e) => e instanceof OpenAI.NotFoundError && e.code === 'model_not_found');
  await assert.rejects(ask({ response_format: 'diarized_json' }), (e) => e instanceof OpenAI.BadRequestError && e.param === 'response_format');
  await assert.rejects(ask({ file: await toFile(Buffer.from('no audio'), 'a.wav') }), (e) => e.status === 400 && e.param === 'file');
  await assert.rejects(ask({ file: await toFile(Buffer.alloc(27 << 20), 'a.wav') }), (e) => e.status === 413);
});

test('an abandoned request gives its slot back', async () => {
  const open = () => metric(server, 'rostrum_slots_open');
  const long = Buffer.concat([first.wav.subarray(0, 44), ...Array(40).fill(first.pcm)]);
  long.writeUInt32LE(long.length - 44, 40);
  long.writeUInt32LE(long.length - 8, 4);
  const leave = new AbortController();
  const request = openai.audio.transcriptions.create(
    { file: await toFile(long, 'long.wav'), model: 'whisper-1' }, { signal: leave.signal });
  setTimeout(() => leave.abort(), 1500);
  await assert.rejects(request);
  const deadline = Date.now() + 2500;
  while ((await open()) > 0) {
    assert.ok(Date.now() < deadline, 'the slot is still taken after 2.5 s');
    await new Promise((r) => setTimeout(r, 100));
  }
});
