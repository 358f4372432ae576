// The `openai` package's Realtime client, unchanged, over TLS: live transcription.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import OpenAI from 'openai';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';
import WebSocket from 'ws';
import { paced, recordings, refused, silence, startServer, to24k, until, wordErrorRate } from './world.mjs';

let server;
const worst = () => (/pocketsphinx \(/.test(server.log) || !/moonshine/.test(server.log) ? 0.6 : 0.15);
const [first, second] = recordings();
const T = 'conversation.item.input_audio_transcription.';

before(async () => { server = await startServer({ tls: true }); });
after(() => server.stop());

// A session that notes everything it is told.
async function connect(update) {
  const rt = new OpenAIRealtimeWS({ intent: 'transcription', options: { ca: server.ca } },
    new OpenAI({ baseURL: server.base, apiKey: 'none' }));
  const s = { rt, events: [], errors: [] };
  s.of = (type) => s.events.filter((e) => e.type === type);
  s.update = (input, more = {}) => rt.send({ type: 'session.update', session: { type: 'transcription', audio: { input }, ...more } });
  s.append = (pcm) => rt.send({ type: 'input_audio_buffer.append', audio: pcm.toString('base64') });
  rt.on('event', (e) => s.events.push(e));
  rt.on('error', (e) => s.errors.push(e));
  await until(() => s.of('session.created').length, 'session.created');
  if (update) {
    s.update(update.input ?? {}, update.more);
    await until(() => s.of('session.updated').length, 'session.updated');
  }
  return s;
}

const close = async (s) => {
  s.rt.close();
  await until(() => s.rt.socket.readyState === WebSocket.CLOSED, 'closed');
};

test('speech becomes an item, in order, and its deltas add up', async () => {
  const s = await connect();
  for (const pcm of [first.pcm, silence(1500, 16000), second.pcm, silence(1500, 16000)]) s.append(to24k(pcm));
  await until(() => s.of(`${T}completed`).map((e) => e.transcript).join(' ').split(' ').length > 20, 'both recordings', 60);
  assert.deepEqual(s.errors, []);
  const said = s.of(`${T}completed`);
  assert.ok(wordErrorRate(`${first.text} ${second.text}`, said.map((e) => e.transcript).join(' ')) <= worst());
  for (const { item_id, transcript, usage } of said) {
    const own = s.events.filter((e) => e.item_id === item_id || e.item?.id === item_id);
    assert.deepEqual(own.map((e) => e.type).filter((t) => t !== `${T}delta`), [
      'input_audio_buffer.speech_started', 'input_audio_buffer.speech_stopped', 'input_audio_buffer.committed',
      'conversation.item.added', 'conversation.item.done', `${T}completed`]);
    assert.equal(own.filter((e) => e.type === `${T}delta`).map((e) => e.delta).join(''), transcript);
    assert.ok(usage.seconds > 0.3);
  }
  await close(s);
});

test('at the pace of speech words come while it goes on, and committed ones stay', async () => {
  const s = await connect({ input: { transcription: { delay: 'low' } }, more: { include: ['rostrum.partial', 'rostrum.final'] } });
  for await (const piece of paced(to24k(Buffer.concat([first.pcm, silence(1000, 16000)])), 24000)) s.append(piece);
  const spoken = performance.now();
  await until(() => s.of(`${T}completed`).length, 'completed');
  const waited = performance.now() - spoken;
  const partials = s.of('rostrum.transcription.partial');
  assert.ok(partials.length > 3, `${partials.length} partials`);
  for (const item of new Set(partials.map((p) => p.item_id))) {
    let committed = '';
    for (const p of partials.filter((q) => q.item_id === item)) {
      assert.ok(p.committed.startsWith(committed), `${committed} / ${p.committed}`);
      committed = p.committed;
    }
    const deltas = s.of(`${T}delta`).filter((e) => e.item_id === item).map((e) => e.delta).join('');
    assert.ok(deltas.startsWith(committed), `${committed} / ${deltas}`);
  }
  const finals = s.of('rostrum.transcription.final');
  assert.ok(finals[0].first_partial_ms > 0 && finals[0].first_partial_ms < 3000);
  assert.ok(finals[0].finalise_ms > 0);
  assert.equal(finals[0].words.map((w) => w.word).join(' '), s.of(`${T}completed`)[0].transcript);
  assert.ok(waited < 3000, `${waited} ms from the end of audio to the last word`);
  await close(s);
});

test('a client that commits gets an item for each commit', async () => {
  const s = await connect({ input: { turn_detection: null, format: { type: 'audio/pcm', rate: 24000 } } });
  s.rt.send({ type: 'input_audio_buffer.commit', event_id: 'too_soon' });
  await until(() => s.errors.length, 'an error');
  assert.equal(s.errors[0].error.code, 'input_audio_buffer_commit_empty');
  assert.equal(s.errors[0].error.event_id, 'too_soon');
  for (const r of [first, second]) {
    s.append(to24k(Buffer.concat([silence(200, 16000), r.pcm, silence(200, 16000)])));
    s.rt.send({ type: 'input_audio_buffer.commit' });
  }
  await until(() => s.of(`${T}completed`).length === 2, 'two transcripts', 60);
  const said = s.of(`${T}completed`);
  assert.ok(wordErrorRate(first.text, said[0].transcript) <= worst(), said[0].transcript);
  assert.ok(wordErrorRate(second.text, said[1].transcript) <= worst(), said[1].transcript);
  const committed = s.of('input_audio_buffer.committed');
  assert.deepEqual(committed.map((e) => e.item_id), said.map((e) => e.item_id));
  assert.equal(committed[1].previous_item_id, committed[0].item_id);
  s.rt.send({ type: 'conversation.item.retrieve', item_id: said[0].item_id });
  await until(() => s.of('conversation.item.retrieved').length, 'the item');
  assert.equal(s.of('conversation.item.retrieved')[0].item.content[0].transcript, said[0].transcript);
  await close(s);
});

test('every update is answered with the effective session, or an error that names the field', async () => {
  const s = await connect({ input: { format: { type: 'audio/pcmu' }, noise_reduction: { type: 'near_field' },
    transcription: { model: 'gpt-4o-mini-transcribe', language: 'en', prompt: 'names' },
    turn_detection: { type: 'server_vad', threshold: 0.4, prefix_padding_ms: 100, silence_duration_ms: 700 } } });
  const { input } = s.of('session.updated')[0].session.audio;
  assert.deepEqual(input.format, { type: 'audio/pcmu' });
  assert.equal(input.turn_detection.silence_duration_ms, 700);
  assert.equal(input.turn_detection.interrupt_response, false);
  assert.equal(input.transcription.delay, 'medium');
  assert.match(input.transcription.model, /^[a-z]/);
  s.update({ turn_detection: { type: 'server_vad', silence_duration_ms: 1 } });
  await until(() => s.errors.length, 'an error');
  assert.equal(s.errors[0].error.param, 'session.audio.input.turn_detection.silence_duration_ms');
  s.rt.send({ type: 'response.create' });
  await until(() => s.errors.length === 2, 'another error');
  await close(s);
});

test('a conversation session is refused at the upgrade, in words', async () => {
  const { status, body } = await refused(`wss://localhost:${server.port}/v1/realtime?model=gpt-realtime`, { ca: server.ca });
  assert.equal(status, 400);
  assert.match(body.error.message, /intent=transcription/);
});

test('a browser selects the subprotocol realtime', async () => {
  const ws = new WebSocket(`wss://localhost:${server.port}/v1/realtime?intent=transcription`,
    ['realtime', 'openai-insecure-api-key.none'], { ca: server.ca });
  await new Promise((done, fail) => ws.once('open', done).once('error', fail));
  assert.equal(ws.protocol, 'realtime');
  ws.close();
});
