// Broadcast and echo with Socket.IO: one namespace for each, no transport but WebSocket, no compression. Its documentation on
// performance recommends bufferutil, and to drop the reference to the first HTTP request of each socket.
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import { Server } from 'socket.io';

const { values } = parseArgs({ options: { addr: { type: 'string', default: '127.0.0.1:9001' } } });
const [host, port] = values.addr.split(':');

const server = createServer((request, response) => response.writeHead(404).end());
const io = new Server(server, { transports: ['websocket'], perMessageDeflate: false, serveClient: false });
io.engine.on('connection', (raw) => {
  raw.request = null;
});

const everyone = io.of('/broadcast');
everyone.on('connection', (socket) => socket.on('message', (data) => everyone.emit('message', data)));
io.of('/echo').on('connection', (socket) => socket.on('message', (data) => socket.emit('message', data)));

server.listen({ host, port: Number(port), backlog: 4096 });
process.on('SIGTERM', () => process.exit(0));
