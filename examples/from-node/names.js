// Prints the public names of ws and express-ws, one a line, read from the installed packages.
'use strict'
const fs = require('fs')
const path = require('path')
const WebSocket = require('ws')

const names = new Set(Object.keys(WebSocket))
const add = (text, pattern) => { for (const found of text.matchAll(pattern)) names.add(found[1]) }
for (const type of [WebSocket, WebSocket.Server]) {
  for (const name of Object.getOwnPropertyNames(type.prototype)) names.add(name)
}
const lib = path.join(path.dirname(require.resolve('ws')), 'lib')
for (const file of ['websocket.js', 'websocket-server.js', 'permessage-deflate.js', 'receiver.js']) {
  const text = fs.readFileSync(path.join(lib, file), 'utf8')
  if (file !== 'receiver.js') {
    add(text, /@param \{.*\} \[options\.(\w+)/g)
    add(text, /\bemit\(\s*'([\w-]+)'/g)
  }
  add(text, /'(WS_ERR_\w+)'/g)
}
const expressWs = fs.readFileSync(path.join(path.dirname(require.resolve('express-ws')), 'lib', 'index.js'), 'utf8')
add(expressWs, /\boptions\.(\w+)/g)
const api = require('express-ws')(require('express')())
for (const name of Object.keys(api)) names.add(name)

const internal = ['constructor', 'setSocket', 'emitClose', 'completeUpgrade', 'isServer', 'conclude']
for (const name of internal) names.delete(name)
console.log([...names].sort().join('\n'))
