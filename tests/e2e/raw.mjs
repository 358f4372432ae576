// A WebSocket client that may break every rule: it sends the bytes it is given and notes the
// frames it gets. The handshake is its own, so that bytes can go out along with it.
import { connect } from 'node:net';
import { randomBytes } from 'node:crypto';

// One frame. mask: false is a violation; so are most values of first (FIN, RSV, opcode).
export function frame(first, payload = '', { mask = true } = {}) {
  const data = Buffer.from(payload);
  const n = data.length;
  const head = n < 126 ? Buffer.from([first, n]) : n < 65536 ? Buffer.from([first, 126, n >> 8, n & 255])
    : Buffer.concat([Buffer.from([first, 127, 0, 0, 0, 0]), Buffer.from([n >>> 24, (n >> 16) & 255, (n >> 8) & 255, n & 255])]);
  if (!mask) return Buffer.concat([head, data]);
  head[1] |= 0x80;
  const key = randomBytes(4);
  for (let i = 0; i < n; i++) data[i] ^= key[i & 3];
  return Buffer.concat([head, key, data]);
}
export const text = (value) => frame(0x81, typeof value === 'string' ? value : JSON.stringify(value));
export const binary = (data) => frame(0x82, data);

// Opens path with `early` sent in the same packet. s.frames: { first, data } as they come;
// s.messages: texts, parsed; s.code, s.reason: of the close frame.
export async function open(port, path, early = Buffer.alloc(0)) {
  const socket = connect(port, '127.0.0.1');
  socket.setNoDelay(true);
  const s = { socket, frames: [], messages: [], code: null, reason: null, ended: false };
  let held = Buffer.alloc(0);
  let head = true;
  const take = () => {
    if (head) {
      const end = held.indexOf('\r\n\r\n');
      if (end < 0) return false;
      s.status = Number(held.toString('latin1', 9, 12));
      held = held.subarray(end + 4);
      head = false;
      return true;
    }
    if (held.length < 2) return false;
    const short = held[1] & 127;
    const skip = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (held.length < skip) return false;
    const n = short < 126 ? short : short === 126 ? held.readUInt16BE(2) : Number(held.readBigUInt64BE(2));
    if (held.length < skip + n) return false;
    const data = held.subarray(skip, skip + n);
    s.frames.push({ first: held[0], data });
    if (held[0] === 0x81) s.messages.push(JSON.parse(data.toString()));
    if (held[0] === 0x88) [s.code, s.reason] = [n ? data.readUInt16BE(0) : 1005, data.toString('utf8', 2)];
    held = held.subarray(skip + n);
    return true;
  };
  socket.on('data', (piece) => { held = held.length ? Buffer.concat([held, piece]) : piece; while (take()); });
  socket.on('error', () => { s.ended = true; });
  socket.on('close', () => { s.ended = true; });
  s.send = (...frames) => socket.write(Buffer.concat(frames));
  s.of = (type) => s.messages.filter((m) => m.type === type);
  const key = randomBytes(16).toString('base64');
  s.send(Buffer.from(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n`
    + `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`), early);
  while (head && !s.ended) await new Promise((done) => setTimeout(done, 2));
  return s;
}
