// Usage: node server.mjs [DEFLATE]. An echo server with Node's ws. It prints "port N" when it listens and "closed CODE REASON"
// for each conn that ends. /close closes with 4400, /ping pings and tells the pong, /refuse answers 401.
import { WebSocketServer } from 'ws';

const server = new WebSocketServer({
  host: '127.0.0.1',
  port: 0,
  perMessageDeflate: JSON.parse(process.argv[2] ?? 'false'),
  handleProtocols: (offered) => (offered.has('hubbub.test') ? 'hubbub.test' : false),
  verifyClient: ({ req }, decide) => decide(req.url !== '/refuse', 401, 'who are you?'),
});
server.on('listening', () => console.log(`port ${server.address().port}`));
server.on('connection', (socket, request) => {
  socket.on('message', (data, binary) => socket.send(data, { binary }));
  socket.on('close', (code, reason) => console.log(`closed ${code} ${reason}`));
  socket.on('pong', (data) => socket.send(`pong ${data}`));
  if (request.url === '/close') socket.close(4400, 'enough');
  if (request.url === '/ping') socket.ping('are you there?');
  if (request.url === '/fragments') {
    socket.send('one, ', { fin: false });
    socket.ping('between');
    socket.send('two', { fin: true });
  }
});
