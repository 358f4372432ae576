// Clients that break rules, on purpose or not: each is answered in its protocol's words, and
// nobody else notices. The server must be as it was when they are gone.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { metric, recordings, refused, root, startServer, tolerance, until, wordErrorRate } from './world.mjs';
import { binary, frame, open, text } from './raw.mjs';

let server, worst;
const [first] = recordings();
const LISTEN = '/v1/listen?model=nova-3&encoding=linear16&sample_rate=16000';
const REALTIME = '/v1/realtime?intent=transcription';
const CLOSE = text({ type: 'CloseStream' });
const ended = (s) => until(() => s.ended || s.code !== null, 'the close');

before(async () => {
  server = await startServer();
  worst = await tolerance(server);
});
after(async () => {
  await until(async () => (await metric(server, 'rostrum_slots_open')) === 0, 'all slots free again');
  assert.equal(await metric(server, 'rostrum_sessions_lost_total'), 0);
  assert.equal(server.exited, false);
  await server.stop();
});

test('listen: a bad query is refused by the name of its parameter', async () => {
  for (const [query, why] of [
    ['modle=nova-3', /modle.*did you mean model/], // unknown
    ['model=a&model=b', /model.*more than once/],
    [`${'x'.repeat(100)}=1`, /longer than/], // an overlong name
    [`keyterm=${'x'.repeat(2000)}`, /longer than/], // an overlong value
    [`model=${'x'.repeat(100)}`, /model.*63 bytes/],
    [`language=${'x'.repeat(100)}`, /language.*15 bytes/],
    ['sample_rate=16000Hz&encoding=linear16', /sample_rate.*8000 to 48000/],
    ['encoding=linear16', /sample_rate/],
    ['encoding=flac', /encoding/],
    ['channels=99', /channels.*1 to 2/],
    ['max_utterance_ms=1', /max_utterance_ms.*1000 to 30000/],
    ['prefix_padding_ms=9999', /prefix_padding_ms.*0 to 2000/],
    ['vad_threshold=2', /vad_threshold.*0 to 1/],
    ['model=%ff%', /not well formed/],
    ['model=%00', /not well formed/],
    ['redact=pci&redact=ssn', /redact.*not offered/], // may repeat, but is not offered
  ]) {
    const { status, body } = await refused(`ws://localhost:${server.port}/v1/listen?${query}`);
    assert.equal(status, 400, query);
    assert.equal(body.err_code, 'INVALID_QUERY_PARAMETER', query);
    assert.match(body.err_msg, why);
    assert.match(body.request_id, /^[0-9a-f-]{36}$/);
  }
});

test('listen: a text message that means nothing closes with DATA-0001', async () => {
  for (const garbage of ['hello', '{', '[]', '""', '{"type":7}', '{"kind":"Finalize"}', '{"type":"finalize"}',
    '', '['.repeat(100_000), `{"type":"${'x'.repeat(70_000)}"}`]) {
    const s = await open(server.port, LISTEN, text(garbage));
    await ended(s);
    assert.equal(s.code, 1008, garbage.slice(0, 40));
    assert.match(s.reason, /^DATA-0001: /);
  }
});

test('listen: audio after CloseStream is not heard, and counted nowhere', async () => {
  const s = await open(server.port, LISTEN);
  const heard = Buffer.alloc(32000);
  s.send(binary(heard), CLOSE, binary(first.pcm), text({ type: 'Finalize' }), text('garbage'));
  await ended(s);
  assert.equal(s.code, 1000);
  const [metadata] = s.of('Metadata');
  assert.equal(metadata.sha256, createHash('sha256').update(heard).digest('hex'));
  assert.equal(metadata.duration, 1);
  assert.deepEqual(s.of('Results').filter((m) => m.channel.alternatives[0].transcript), []);
});

test('listen: empty frames and fragments are what RFC 6455 says they are', async () => {
  const s = await open(server.port, LISTEN);
  // a control message in four pieces, one of them empty, with a ping between
  s.send(frame(0x01, '{"type":'), frame(0x00, ''), frame(0x89, 'now'), frame(0x00, '"Fin'), frame(0x80, 'alize"}'));
  await until(() => s.of('Results').some((m) => m.from_finalize), 'from_finalize');
  assert.ok(s.frames.some((f) => f.first === 0x8a && f.data.toString() === 'now'), 'a pong');
  // audio in pieces of an odd size, empty ones between
  const audio = Buffer.alloc(3201);
  s.send(frame(0x02, audio.subarray(0, 1001)), frame(0x00, ''), frame(0x00, audio.subarray(1001)), frame(0x80, ''));
  s.send(binary('')); // a whole empty message ends the stream
  await ended(s);
  assert.equal(s.code, 1000);
  assert.equal(s.of('Metadata')[0].duration, 0.1);
});

test('frames that break the protocol close with the code RFC 6455 has for them', async () => {
  const close = (code, reason = '') => frame(0x88, Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason)]));
  for (const [bytes, code, why] of [
    [frame(0x88, 'x'), 1002, 'a close of one byte'],
    [close(0), 1002], [close(999), 1002], [close(1004), 1002], [close(1005), 1002], [close(1006), 1002],
    [close(1015), 1002], [close(2999), 1002], [close(5000), 1002], [close(65535), 1002],
    [close(1000, Buffer.from([0xff, 0xfe])), 1007, 'a reason that is not UTF-8'],
    [close(1000, Buffer.from([0xc3])), 1007, 'half a character'],
    [close(3000, 'bye'), 3000, 'a code of the application'],
    [frame(0x88), 1005, 'a close without a code'],
    [frame(0x88, 'x'.repeat(126)), 1002, 'a control frame too long'],
    [frame(0x08, Buffer.from([3, 232])), 1002, 'a close in fragments'],
    [frame(0x81, '{}', { mask: false }), 1002, 'no mask'],
    [frame(0xc1, '{}'), 1002, 'an extension nobody agreed to'],
    [frame(0x83, 'x'), 1002, 'an opcode of the future'],
    [frame(0x80, 'x'), 1002, 'a continuation of nothing'],
    [Buffer.concat([frame(0x01, '{'), frame(0x81, '}')]), 1002, 'a message inside another'],
    [frame(0x81, Buffer.from([0xed, 0xa0, 0x80])), 1007, 'half of a surrogate pair'],
    [binary(Buffer.alloc((1 << 20) + 1)), 1009, 'a message too large'],
  ]) {
    for (const path of [LISTEN, REALTIME]) {
      const s = await open(server.port, path);
      s.send(bytes);
      await ended(s);
      assert.equal(s.code, code, `${why ?? bytes.subarray(6).toString('hex')} on ${path}`);
      s.socket.destroy();
    }
  }
});

test('listen: a client that sends one byte at a time is understood', async () => {
  const s = await open(server.port, `${LISTEN}&endpointing=false`);
  const all = Buffer.concat([binary(Buffer.alloc(1600)), binary(Buffer.alloc(1600)), CLOSE]);
  for (let i = 0; i < all.length; i++) {
    s.socket.write(all.subarray(i, i + 1));
    if (i % 16 === 0) await sleep(0);
  }
  await ended(s);
  assert.equal(s.code, 1000);
  assert.equal(s.of('Metadata')[0].duration, 0.1);
});

test('listen: every raw form, Ogg Opus and Opus packets are heard for as long as they last', async () => {
  const ogg = readFileSync(join(root, 'tests', 'fuzz', 'corpus', 'file', 'opus-0.ogg'));
  const second = (bytes) => Array.from({ length: 50 }, () => Buffer.alloc(bytes / 50, bytes === 8000 ? 0xff : 0));
  const length = oggSeconds(ogg);
  for (const [query, pieces, seconds] of [
    ['encoding=linear16&sample_rate=8000', second(16000), 1],
    ['encoding=linear16&sample_rate=48000', second(96000), 1],
    ['encoding=linear16&sample_rate=44100&channels=2', second(44100 * 4), 1],
    ['encoding=linear32&sample_rate=16000', second(64000), 1],
    ['encoding=mulaw&sample_rate=8000', second(8000), 1],
    ['encoding=alaw&sample_rate=8000', second(8000), 1],
    ['encoding=ogg-opus', [ogg], length],
    ['', [ogg.subarray(0, 5), ogg.subarray(5, 77), ogg.subarray(77)], length], // names itself
    ['encoding=opus', oggPackets(ogg).slice(2), length],
  ]) {
    const s = await open(server.port, `/v1/listen?model=nova-3&${query}`);
    assert.equal(s.status, 101, query);
    s.send(...pieces.map(binary), CLOSE);
    await ended(s);
    assert.equal(s.code, 1000, `${query}: ${s.reason}`);
    const [metadata] = s.of('Metadata');
    assert.ok(Math.abs(metadata.duration - seconds) < 0.03, `${query}: ${metadata.duration} s`);
    assert.equal(metadata.sha256, createHash('sha256').update(Buffer.concat(pieces)).digest('hex'));
  }
});

test('listen: broken audio closes with DATA-0000', async () => {
  for (const [query, bytes] of [
    ['encoding=ogg-opus', Buffer.from('no Ogg at all, whatever one may wish')],
    ['', Buffer.from('RIFFxxxxAVI nothing')],
  ]) {
    const s = await open(server.port, `/v1/listen?model=nova-3&${query}`, Buffer.concat([binary(bytes), CLOSE]));
    await ended(s);
    assert.equal(s.code, 1008, query);
    assert.match(s.reason, /^DATA-0000: /);
  }
});

// Packets of an Ogg stream with pages of whole packets, and its length without pre-skip.
function oggPackets(ogg) {
  const packets = [];
  let packet = [];
  for (let at = 0; at < ogg.length;) {
    const lacing = ogg.subarray(at + 27, at + 27 + ogg[at + 26]);
    at += 27 + lacing.length;
    for (const n of lacing) {
      packet.push(ogg.subarray(at, at + n));
      at += n;
      if (n < 255) [packets[packets.length], packet] = [Buffer.concat(packet), []];
    }
  }
  return packets;
}
function oggSeconds(ogg) {
  const last = ogg.lastIndexOf('OggS');
  return (Number(ogg.readBigInt64LE(last + 6)) - oggPackets(ogg)[0].readUInt16LE(10)) / 48000;
}

test('a client that never reads is closed with a reason', { timeout: 120_000 }, async () => {
  const s = await open(server.port, LISTEN);
  const before = await metric(server, 'rostrum_slow_readers_closed_total');
  s.socket.pause();
  for (let i = 0; i < 200; i++) s.send(...Array.from({ length: 100 }, () => text({ type: 'Finalize' })));
  await until(async () => (await metric(server, 'rostrum_slow_readers_closed_total')) > before, 'the end of patience', 60);
  assert.equal(await metric(server, 'rostrum_slots_open'), 0);
  s.socket.resume();
  await ended(s);
  assert.equal(s.code, 1008);
  assert.match(s.reason, /not being read/);
});

// --- realtime ---

const append = (pcm) => text({ type: 'input_audio_buffer.append', audio: pcm.toString('base64') });
const update = (input, more = {}) => text({ type: 'session.update', session: { type: 'transcription', audio: { input }, ...more } });
const pcm16k = { format: { type: 'audio/pcm', rate: 16000 } };
const completed = (s) => s.of('conversation.item.input_audio_transcription.completed').map((e) => e.transcript).filter(Boolean);

// The session still does what it is for.
async function stillHears(s) {
  const before = completed(s).length;
  s.send(text({ type: 'input_audio_buffer.clear' }), update({ ...pcm16k, turn_detection: null }));
  for (let at = 0; at < first.pcm.length; at += 3200) s.send(append(first.pcm.subarray(at, at + 3200)));
  s.send(text({ type: 'input_audio_buffer.commit' }));
  await until(() => completed(s).length > before || s.ended, 'the transcript', 60);
  assert.equal(s.code, null, s.reason);
  assert.ok(wordErrorRate(first.text, completed(s).at(-1)) <= worst, completed(s).at(-1));
  s.socket.destroy();
}

test('realtime: what is said before session.created is answered after it', async () => {
  const s = await open(server.port, REALTIME, Buffer.concat([
    text({ type: 'input_audio_buffer.commit', event_id: 'early' }), update(pcm16k), text({ type: 'nothing', event_id: 'odd' })]));
  await until(() => s.messages.length >= 4, 'four events');
  assert.deepEqual(s.messages.map((m) => m.type), ['session.created', 'error', 'session.updated', 'error']);
  assert.deepEqual(s.of('error').map((e) => e.error.event_id), ['early', 'odd']);
  await stillHears(s);
});

test('realtime: 3,000 updates in a row, each different, are answered and end nothing', async () => {
  const s = await open(server.port, REALTIME);
  for (let i = 0; i < 3000; i++) {
    s.send(update({ ...pcm16k, transcription: { prompt: `names ${i}` },
      turn_detection: { type: 'server_vad', silence_duration_ms: 200 + i } }, { rostrum: { max_utterance_ms: 1000 + i } }));
  }
  await until(() => s.of('session.updated').length === 3000 || s.ended, '3,000 answers', 60);
  const { session } = s.of('session.updated').at(-1);
  assert.equal(session.audio.input.turn_detection.silence_duration_ms, 3199);
  assert.equal(session.rostrum.max_utterance_ms, 3999);
  s.send(update({}, { rostrum: { max_utterance_ms: 30000 } }));
  await stillHears(s);
});

test('realtime: updates, commits and clears between crumbs of audio end nothing', async () => {
  const s = await open(server.port, REALTIME);
  const crumb = append(Buffer.alloc(640));
  s.send(update({ ...pcm16k, turn_detection: null }));
  for (let i = 0; i < 300; i++) s.send(crumb, update({ transcription: { prompt: `${i}` } }));
  for (let i = 0; i < 300; i++) s.send(crumb, text({ type: 'input_audio_buffer.clear', event_id: `clear${i}` }));
  for (let i = 0; i < 100; i++) s.send(append(Buffer.alloc(3200)), text({ type: 'input_audio_buffer.commit' }));
  await until(() => s.of('input_audio_buffer.committed').length >= 100 || s.ended, 'all commits', 60);
  for (const { error } of s.of('error')) { // some clears may come too fast for the worker
    assert.equal(error.code, 'rate_limit_exceeded');
    assert.match(error.event_id, /^clear/);
  }
  await stillHears(s);
});

test('realtime: wrong events in the middle of speech are answered by their event_id', async () => {
  const s = await open(server.port, REALTIME);
  s.send(update({ ...pcm16k, transcription: { delay: 'low' } }, { include: ['rostrum.partial'] }));
  s.send(append(first.pcm.subarray(0, 64000)));
  await until(() => s.of('input_audio_buffer.speech_started').length, 'speech');
  const item_id = s.of('input_audio_buffer.speech_started')[0].item_id;
  const wrong = [
    [{ type: 'conversation.item.create', item: { type: 'message' } }, 'unsupported_value'],
    [{ type: 'conversation.item.truncate', item_id }, 'unsupported_value'],
    [{ type: 'conversation.item.delete', item_id }, 'item_not_found'], // nobody was told of it yet
    [{ type: 'conversation.item.retrieve', item_id: 'item_none' }, 'item_not_found'],
    [{ type: 'response.create' }, 'unsupported_value'],
    [{ type: 'response.cancel' }, 'response_cancel_not_active'],
    [{ type: 'input_audio_buffer.clera' }, 'invalid_value'],
    [{ type: 'session.update', session: { type: 'transcription', audio: { input: { transcription: { model: 'pocketsphinx' } } } } },
      /invalid_state|model_not_found/],
    [{ type: 'session.update', session: 1 }, 'invalid_value'],
    [{ type: 'session.update', session: { rostrum: { max_utterance_ms: 5 } } }, 'invalid_value'],
    [{ type: 'input_audio_buffer.append', audio: '***' }, 'invalid_value'],
  ];
  wrong.forEach(([event], i) => s.send(text({ ...event, event_id: `wrong${i}` })));
  await until(() => s.of('error').length === wrong.length || s.ended, 'an error for each');
  s.of('error').forEach(({ error }, i) => {
    assert.equal(error.event_id, `wrong${i}`);
    assert.match(error.code, new RegExp(wrong[i][1]), JSON.stringify(error));
  });
  // cleared in mid-utterance: what was on the way belongs to nothing any more
  s.send(text({ type: 'input_audio_buffer.clear' }), text({ type: 'input_audio_buffer.commit', event_id: 'empty' }));
  await until(() => s.of('error').length > wrong.length, 'the commit of nothing');
  assert.equal(s.of('error').at(-1).error.code, 'input_audio_buffer_commit_empty');
  assert.equal(s.of('error').at(-1).error.event_id, 'empty');
  assert.deepEqual(completed(s), []);
  const said = s.messages.length;
  await stillHears(s);
  assert.ok(s.messages.slice(said).every((m) => m.item_id !== item_id), 'a cleared item spoke again');
});
