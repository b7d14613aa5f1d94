// Broadcast, echo and chat with Socket.IO: a namespace for each, no transport but WebSocket, no compression. Its documentation on
// performance recommends bufferutil, and to drop the reference to the first HTTP request of each socket.
import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import jwt from 'jsonwebtoken';
import { Server } from 'socket.io';

const { values } = parseArgs({
  options: {
    addr: { type: 'string', default: '127.0.0.1:9001' },
    key: { type: 'string', default: 'bin/es256.pem' },
    redis: { type: 'string' },
  },
});
const [host, port] = values.addr.split(':');

const server = createServer((request, response) => response.writeHead(404).end());
const io = new Server(server, {
  transports: ['websocket'], perMessageDeflate: false, serveClient: false, adapter: values.redis && await adapter(values.redis),
});
io.engine.on('connection', (raw) => {
  raw.request = null;
});

// adapter is what joins several servers, as its own page shows.
async function adapter(url) {
  const { createClient } = await import('redis');
  const { createAdapter } = await import('@socket.io/redis-streams-adapter');
  const client = createClient({ url });
  await client.connect();
  return createAdapter(client);
}

const everyone = io.of('/broadcast');
everyone.on('connection', (socket) => socket.on('message', (data) => everyone.emit('message', data)));
io.of('/echo').on('connection', (socket) => socket.on('message', (data) => socket.emit('message', data)));

// Chat: who has a token may join rooms and send to them, as its documentation shows for middleware, rooms and acknowledgements.
// The sender gets the message too.
const key = createPublicKey(readFileSync(values.key));
const chat = io.of('/chat');
chat.use((socket, next) => {
  jwt.verify(socket.handshake.auth.token, key, { algorithms: ['ES256'] }, (err, claims) => {
    if (err) return next(new Error('unauthorized'));
    socket.data.user = claims.sub;
    socket.data.info = claims.info;
    next();
  });
});
chat.on('connection', (socket) => {
  socket.on('join', (room, done) => {
    socket.join(room);
    done('ok');
  });
  socket.on('send', (room, data, done) => {
    if (!socket.rooms.has(room)) return done('join the room first');
    chat.to(room).emit('message', { room, from: { user: socket.data.user, info: socket.data.info }, data, time: Date.now() });
    done('ok');
  });
});

server.listen({ host, port: Number(port), backlog: 4096 });
process.on('SIGTERM', () => process.exit(0));
