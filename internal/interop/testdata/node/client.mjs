// Usage: node client.mjs SCENARIO URL [DEFLATE]. Plays one scenario with Node's ws against a server's routes and ends with
// status 0 if all was as it should be. DEFLATE is ws's option perMessageDeflate as JSON, false by default.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import WebSocket from 'ws';

const [scenario, url, deflate = 'false'] = process.argv.slice(2);

// open connects and gives the socket a next(), which waits for its next message.
async function open(path, protocols = []) {
  const socket = new WebSocket(url + path, protocols, { perMessageDeflate: JSON.parse(deflate) });
  const queue = [], waiting = [];
  socket.on('message', (data, isBinary) => {
    const message = { data, isBinary };
    if (waiting.length) waiting.shift()(message);
    else queue.push(message);
  });
  socket.next = () => new Promise((done) => (queue.length ? done(queue.shift()) : waiting.push(done)));
  socket.closed = once(socket, 'close').then(([code, reason]) => ({ code, reason: reason.toString() }));
  await once(socket, 'open');
  return socket;
}

async function text(socket, want) {
  const { data, isBinary } = await socket.next();
  assert.equal(isBinary, false);
  assert.ok(data.toString() === want, `got ${data.length} bytes, ${data.toString().slice(0, 40)}`);
}

async function bye(socket) {
  socket.close(1000);
  assert.equal((await socket.closed).code, 1000);
}

const scenarios = {
  async text() {
    const socket = await open('/echo');
    assert.equal(socket.extensions, '');
    for (const message of ['hello', '', 'häß € 𝄞 \0', 'x'.repeat(125), 'x'.repeat(126), 'x'.repeat(65535), 'x'.repeat(65536)]) {
      socket.send(message);
      await text(socket, message);
    }
    await bye(socket);
  },

  async binary() {
    const socket = await open('/echo');
    const sent = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    socket.send(sent);
    const { data, isBinary } = await socket.next();
    assert.equal(isBinary, true);
    assert.deepEqual(data, sent);
    await bye(socket);
  },

  async pipelined() {
    const socket = await open('/echo');
    for (let i = 0; i < 1000; i++) socket.send(`message ${i}`);
    for (let i = 0; i < 1000; i++) await text(socket, `message ${i}`);
    await bye(socket);
  },

  async ping() {
    const socket = await open('/echo');
    const pong = once(socket, 'pong');
    socket.ping('abc');
    assert.equal((await pong)[0].toString(), 'abc');
    await bye(socket);
  },

  async pinged() {
    const socket = await open('/ping'); // ws answers pings by itself
    await text(socket, 'pong are you there?');
    await bye(socket);
  },

  async fragments() {
    const socket = await open('/echo');
    const pong = once(socket, 'pong');
    socket.send('one, €', { fin: false });
    socket.ping('between');
    socket.send(Buffer.from([0xe2, 0x82]), { fin: false }); // two thirds of a character
    socket.send(Buffer.from([0xac]), { fin: false });
    socket.send('', { fin: false });
    socket.send(' three', { fin: true });
    await pong;
    await text(socket, 'one, €€ three');
    await bye(socket);
  },

  async large() {
    const socket = await open('/echo');
    const message = 'abcdefgh'.repeat(1 << 17); // 1 MiB, the default limit
    socket.send(message);
    await text(socket, message);
    await bye(socket);
  },

  async tooLarge() {
    const socket = await open('/echo');
    socket.send('x'.repeat((1 << 20) + 1));
    assert.equal((await socket.closed).code, 1009);
  },

  async notUTF8() {
    const socket = await open('/echo');
    socket.send(Buffer.from([0x68, 0xff]), { binary: false });
    assert.equal((await socket.closed).code, 1007);
  },

  async closes() {
    const socket = await open('/echo');
    socket.close(4321, 'I häve to go');
    assert.deepEqual(await socket.closed, { code: 4321, reason: 'I häve to go' });
  },

  async closesWithoutCode() {
    const socket = await open('/echo');
    socket.close();
    assert.equal((await socket.closed).code, 1005);
  },

  async closed() {
    const socket = await open('/close/4400/enough');
    assert.deepEqual(await socket.closed, { code: 4400, reason: 'enough' });
  },

  async subprotocol() {
    const socket = await open('/facts', ['other', 'hubbub.test']);
    assert.equal(socket.protocol, 'hubbub.test');
    assert.equal(JSON.parse((await socket.next()).data).Subprotocol, 'hubbub.test');
    await bye(socket);
  },

  // The server declines what the client offers.
  async declined() {
    const socket = await open('/echo');
    assert.equal(socket.extensions, '');
    socket.send('x'.repeat(4096));
    await text(socket, 'x'.repeat(4096));
    await bye(socket);
  },

  // The server compresses. Messages that resemble each other use the context, if there is takeover; small ones are sent as
  // they are; noise does not get smaller; 1 MiB of noise does not fit one frame of anybody's buffer.
  async deflate() {
    const socket = await open('/echo');
    assert.match(socket.extensions, /permessage-deflate/);
    let seed = 1;
    const noise = Array.from({ length: 1 << 18 }, () => ((seed = (seed * 48271) % 2147483647) % 36).toString(36)).join('');
    for (const message of ['a', '', 'abc'.repeat(1000), 'abc'.repeat(1001), noise, 'z'.repeat(1 << 20), noise.slice(0, 5000)]) {
      socket.send(message);
      await text(socket, message);
    }
    socket.send('first half, '.repeat(100), { fin: false });
    socket.ping('between');
    socket.send('second half, '.repeat(100), { fin: true });
    await text(socket, 'first half, '.repeat(100) + 'second half, '.repeat(100));
    await bye(socket);
  },

  // Stays idle while the server's heartbeat pings ten times, and is still connected.
  async idle() {
    const socket = await open('/echo');
    for (let pings = 0; pings < 10; pings++) await once(socket, 'ping');
    socket.send('still here');
    await text(socket, 'still here');
    await bye(socket);
  },
};

await scenarios[scenario]();
