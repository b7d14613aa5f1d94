// A chat server as Express and ws users write it: people are in rooms by WebSocket, and a backend sends to a room by
// POST /api/v1/rooms/ROOM/messages with a key. bufferutil is the optional module that ws recommends for speed.
import { createHash, randomUUID, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import express from 'express';
import { WebSocket, WebSocketServer } from 'ws';

const { values } = parseArgs({ options: { addr: { type: 'string', default: '127.0.0.1:9001' } } });
const [host, port] = values.addr.split(':');

const rooms = new Map(); // name → { members: Set, offset: number }
const roomOf = (name) => {
  if (!rooms.has(name)) rooms.set(name, { members: new Set(), offset: 0 });
  return rooms.get(name);
};

const hash = (key) => createHash('sha256').update(key).digest();
const known = hash('hub_BENCHMARKSONLY0000000000AA');
const withKey = (request, response, next) => {
  const [scheme, key] = (request.get('authorization') ?? '').split(' ');
  if (scheme !== 'Bearer' || !timingSafeEqual(hash(key), known)) return response.status(401).json({ error: 'unauthorized' });
  next();
};

const app = express();
app.disable('x-powered-by');
app.set('etag', false);
app.post('/api/v1/rooms/:room/messages', withKey, express.json({ limit: '1mb' }), (request, response) => {
  if (request.body?.data === undefined) return response.status(422).json({ error: 'data is missing' });
  const room = roomOf(request.params.room);
  const message = { id: randomUUID(), time: Date.now(), position: { epoch: 'e', offset: ++room.offset } };
  const frame = JSON.stringify({ jsonrpc: '2.0', method: 'room.message', params: { room: request.params.room, data: request.body.data, ...message } });
  for (const member of room.members) {
    if (member.readyState === WebSocket.OPEN) member.send(frame);
  }
  response.json(message);
});

const server = createServer(app);
const sockets = new WebSocketServer({ server, perMessageDeflate: false });
sockets.on('connection', (socket) => {
  let joined;
  socket.on('error', console.error);
  socket.on('close', () => joined?.members.delete(socket));
  socket.on('message', (data) => {
    const { id, method, params } = JSON.parse(data);
    if (method !== 'room.join') return;
    joined = roomOf(params.room);
    joined.members.add(socket);
    socket.send(JSON.stringify({ jsonrpc: '2.0', id, result: { room: params.room } }));
  });
});
server.listen({ host, port: Number(port), backlog: 4096 });
process.on('SIGTERM', () => process.exit(0));
