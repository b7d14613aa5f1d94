// Broadcast and echo with Node's ws: two WebSocketServers behind one HTTP server, as its README shows for several paths, and
// its README's broadcast loop. bufferutil is the optional module that it recommends for speed.
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import { WebSocket, WebSocketServer } from 'ws';

const { values } = parseArgs({ options: { addr: { type: 'string', default: '127.0.0.1:9001' } } });
const [host, port] = values.addr.split(':');

const everyone = new WebSocketServer({ noServer: true, perMessageDeflate: false });
everyone.on('connection', (socket) => {
  socket.on('error', console.error);
  socket.on('message', (data, isBinary) => {
    everyone.clients.forEach((client) => {
      if (client.readyState === WebSocket.OPEN) client.send(data, { binary: isBinary });
    });
  });
});

const echo = new WebSocketServer({ noServer: true, perMessageDeflate: false });
echo.on('connection', (socket) => {
  socket.on('error', console.error);
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
});

const routes = { '/broadcast': everyone, '/echo': echo };
const server = createServer((request, response) => response.writeHead(404).end());
server.on('upgrade', (request, socket, head) => {
  const route = routes[request.url];
  if (!route) return socket.destroy();
  route.handleUpgrade(request, socket, head, (conn) => route.emit('connection', conn, request));
});
server.listen({ host, port: Number(port), backlog: 4096 });
process.on('SIGTERM', () => process.exit(0));
