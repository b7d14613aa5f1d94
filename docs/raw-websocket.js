// Follows rooms across lost connections: onMessage gets each message of a room once and in order. Where that is impossible
// onReset is told first: forget what you have of the room. Returns a function that sends other requests.
function follow(url, rooms, onMessage, onReset) {
  const at = {}; // the position of the last message that was handled, by room
  let socket, held, failures = 0;
  const send = (request) => socket.send(JSON.stringify(request));
  const handle = (m) => {
    const { epoch, offset } = at[m.room] ?? {};
    if (m.position && m.position.epoch === epoch && m.position.offset <= offset) return; // we have it
    at[m.room] = m.position;
    onMessage(m);
  };
  const join = (room) => {
    held[room] ??= []; // what comes while we catch up
    send({ id: "join", method: "room.join", params: { room, since: at[room] } });
  };
  const joined = ({ room, recovered, messages, more, position }) => {
    if (at[room] && !recovered) onReset(room), delete at[room];
    messages.forEach(handle);
    if (recovered && more) return join(room); // the next page
    at[room] ??= position;
    for (const m of held[room] ?? []) handle(m);
    delete held[room];
  };
  const receive = ({ id, method, params, result, error }) => {
    if (error) console.warn(error.message);
    if (id === "join" && result) joined(result);
    if (method === "welcome") failures = 0;
    if (method === "room.message") held[params.room] ? held[params.room].push(params) : handle(params);
    if (method === "room.skipped") onReset(params.room), delete at[params.room], join(params.room);
  };
  const open = () => {
    [socket, held] = [new WebSocket(url), {}];
    socket.onopen = () => rooms.forEach(join);
    socket.onmessage = (event) => receive(JSON.parse(event.data));
    socket.onclose = ({ code, reason }) => {
      if (code >= 4500) return console.error("not coming back:", reason);
      const [, min, max] = /retry=(\d+)-(\d+)/.exec(reason) ?? [0, 0, Math.min(30000, 1000 * 2 ** failures++)];
      setTimeout(open, +min + Math.random() * (max - min));
    };
  };
  open();
  return send;
}
