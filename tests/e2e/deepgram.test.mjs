// `@deepgram/sdk`, unchanged: binary audio in, Results out.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { DeepgramClient } from '@deepgram/sdk';
import { paced, recordings, refused, silence, startServer, tolerance, until, wordErrorRate } from './world.mjs';

let server, worst;
const [first, second] = recordings();
const at16k = { model: 'nova-3', encoding: 'linear16', sample_rate: 16000 };

before(async () => {
  server = await startServer();
  worst = await tolerance(server);
});
after(() => server.stop());

async function connect(query) {
  const url = `ws://localhost:${server.port}`;
  const client = new DeepgramClient({ apiKey: 'none',
    environment: { base: url, production: url, agent: url, agentRest: url } });
  const socket = await client.listen.v1.connect({ ...query, reconnectAttempts: 0 });
  const s = { socket, messages: [], closed: null };
  s.results = () => s.messages.filter((m) => m.type === 'Results');
  s.finals = () => s.results().filter((m) => m.is_final);
  s.text = () => s.finals().map((m) => m.channel.alternatives[0].transcript).filter(Boolean).join(' ');
  socket.on('message', (m) => s.messages.push(m));
  socket.on('close', (e) => { s.closed ??= e; });
  socket.on('error', () => {});
  socket.connect();
  await socket.waitForOpen();
  return s;
}

test('speech at its own pace: interim results, then final ones, then Metadata', async () => {
  const s = await connect({ ...at16k, interim_results: 'true', vad_events: 'true', utterance_end_ms: 1000 });
  for await (const piece of paced(Buffer.concat([first.pcm, silence(2000, 16000)]), 16000)) s.socket.sendMedia(piece);
  await until(() => s.messages.some((m) => m.type === 'UtteranceEnd'), 'UtteranceEnd');
  assert.ok(s.results().filter((m) => !m.is_final).length > 3);
  assert.ok(s.messages.some((m) => m.type === 'SpeechStarted'));
  assert.ok(s.finals().every((m) => m.speech_final));
  s.socket.sendCloseStream({ type: 'CloseStream' });
  await until(() => s.closed, 'the close');
  assert.ok(wordErrorRate(first.text, s.text()) <= worst, s.text());
  assert.equal(s.messages.at(-1).type, 'Metadata');
  assert.ok(Math.abs(s.messages.at(-1).duration - 7.5) < 0.1);
  assert.equal(s.closed.code, 1000);
  const words = s.finals().flatMap((m) => m.channel.alternatives[0].words);
  assert.ok(words.every((w) => w.word === w.word.toLowerCase() && w.punctuated_word && w.end >= w.start));
});

test('audio faster than speech is taken as fast as it can be heard', async () => {
  const s = await connect(at16k);
  const all = Buffer.concat([first.pcm, silence(1000, 16000), second.pcm, silence(1000, 16000)]);
  for (let at = 0; at < all.length; at += 8192) s.socket.sendMedia(all.subarray(at, at + 8192));
  s.socket.sendCloseStream({ type: 'CloseStream' });
  await until(() => s.closed, 'the close', 60);
  assert.ok(wordErrorRate(`${first.text} ${second.text}`, s.text()) <= worst, s.text());
});

test('Finalize is answered at once, also in silence', async () => {
  const s = await connect({ ...at16k, endpointing: 'false' });
  s.socket.sendMedia(first.pcm);
  s.socket.sendFinalize({ type: 'Finalize' });
  await until(() => s.finals().some((m) => m.from_finalize), 'from_finalize');
  assert.ok(wordErrorRate(first.text, s.text()) <= worst, s.text());
  s.socket.sendKeepAlive({ type: 'KeepAlive' });
  s.socket.sendFinalize({ type: 'Finalize' });
  await until(() => s.finals().filter((m) => m.from_finalize).length === 2, 'an empty answer');
  s.socket.close();
});

test('a WAV stream names itself, and mu-law is understood', async () => {
  const wav = await connect({ model: 'nova-3' });
  wav.socket.sendMedia(first.wav);
  wav.socket.sendCloseStream({ type: 'CloseStream' });
  await until(() => wav.closed, 'the close');
  assert.ok(wordErrorRate(first.text, wav.text()) <= worst, wav.text());

  const mulaw = await connect({ model: 'nova-3', encoding: 'mulaw', sample_rate: 16000, punctuate: 'false' });
  mulaw.socket.sendMedia(toMulaw(first.pcm));
  mulaw.socket.sendCloseStream({ type: 'CloseStream' });
  await until(() => mulaw.closed, 'the close');
  assert.ok(wordErrorRate(first.text, mulaw.text()) <= worst, mulaw.text());
  assert.doesNotMatch(mulaw.text(), /[.,A-Z]/);
});

// G.711 mu-law of pcm16.
function toMulaw(pcm) {
  const out = Buffer.alloc(pcm.length / 2);
  for (let i = 0; i < out.length; i++) {
    const v = pcm.readInt16LE(i * 2);
    const magnitude = Math.min(Math.abs(v), 32635) + 132;
    const exponent = 31 - Math.clz32(magnitude >> 7);
    out[i] = ~((v < 0 ? 0x80 : 0) | (exponent << 4) | ((magnitude >> (exponent + 3)) & 15)) & 0xff;
  }
  return out;
}

test('what is not offered is refused at the upgrade, in words', async () => {
  for (const [query, why] of [['diarize=true', /diarize/], ['encoding=speex', /encoding/], ['model=moonshine-none', /model/]]) {
    const { status, body } = await refused(`ws://localhost:${server.port}/v1/listen?${query}`);
    assert.equal(status, 400);
    assert.equal(body.err_code, 'INVALID_QUERY_PARAMETER');
    assert.match(body.err_msg, why);
  }
});
