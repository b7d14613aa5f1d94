// A small chat on express-ws: an echo, rooms that need a token, and an announcement to everybody.
'use strict'
const express = require('express')
const expressWs = require('express-ws')

const tokens = { 't-ann': 'ann', 't-bob': 'bob' }
const userOf = req => tokens[new URL(req.url, 'http://localhost').searchParams.get('token')]

// Express middleware runs after the upgrade here and cannot answer 401; only verifyClient, for all paths, runs before it.
function verifyClient({ req }, done) {
  if (!req.url.startsWith('/chat/') || userOf(req)) return done(true)
  done(false, 401, 'Unauthorized', { 'WWW-Authenticate': 'Bearer realm="chat"' })
}

const app = express()
const { getWss, applyTo } = expressWs(app, null, { wsOptions: { verifyClient, maxPayload: 1 << 20 } })

app.get('/', (req, res) => res.send('a chat\n'))
app.ws('/echo', ws => ws.on('message', m => ws.send(m)))

const rooms = new Map() // name -> Set of sockets; express-ws only knows the clients of the whole server
const chat = express.Router()
applyTo(chat) // the Router of Express 5 does not inherit .ws
chat.ws('/:room', (ws, req) => {
  const user = userOf(req)
  const name = req.params.room
  const room = rooms.get(name) ?? new Set()
  rooms.set(name, room.add(ws))
  const tell = message => {
    const data = JSON.stringify(message)
    for (const peer of room) if (peer.readyState === peer.OPEN) peer.send(data)
  }

  tell({ from: 'server', text: `${user} came in, ${room.size} here` })
  ws.on('message', m => {
    if (m === 'bye') return ws.close(4000, 'see you')
    tell({ from: user, text: m.toString() })
  })
  ws.on('error', err => console.error(err.message)) // without a listener the process would end
  ws.on('close', () => {
    room.delete(ws)
    if (room.size === 0) rooms.delete(name)
    tell({ from: 'server', text: `${user} left, ${room.size} here` })
  })
})
app.use('/chat', chat)

app.post('/announce', express.text({ type: '*/*' }), (req, res) => {
  if (!userOf(req)) return res.status(401).send('a token is needed\n')
  for (const ws of getWss().clients) if (ws.readyState === ws.OPEN) ws.send(`announcement: ${req.body}`)
  res.sendStatus(204)
})

// Without this, a client whose network is gone stays in its room for hours.
const alive = new WeakSet()
getWss().on('connection', ws => {
  alive.add(ws)
  ws.on('pong', () => alive.add(ws))
})
setInterval(() => {
  for (const ws of getWss().clients) {
    if (!alive.delete(ws)) ws.terminate()
    else ws.ping()
  }
}, 30_000).unref()

const server = app.listen(process.env.PORT ?? 8080, 'localhost')
process.once('SIGTERM', () => {
  server.close(() => process.exit(0))
  server.closeIdleConnections()
  for (const ws of getWss().clients) ws.close(1001)
})
