// Says things, leaves in the same breath, and prints what still comes back.
'use strict'
const WebSocket = require('ws')

const ws = new WebSocket(process.argv[2])
ws.on('open', () => {
  for (let n = 1; n <= 50; n++) ws.send(`word ${n}`)
  ws.close(4001, 'in a hurry')
})
ws.on('message', m => console.log(m.toString()))
ws.on('close', code => console.log('closed', code))
ws.on('error', err => console.error(err.message))
