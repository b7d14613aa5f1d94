// Follows rooms across lost connections: onMessage gets each message of a room once and in order. Where that is impossible
// onReset is told first: forget what you have of the room. Returns a function that sends other requests.
function follow(url, rooms, onMessage, onReset) {
  let socket, held, at = {}; // at: the position of the last message that was handled; held: what comes while we catch up; by room
  const send = (request) => socket.send(JSON.stringify(request));
  const join = (room) => send({ id: "join", method: "room.join", params: { room, since: at[room] } });
  const handle = (m) => {
    const { epoch, offset } = at[m.room] ?? {};
    if (m.position && m.position.epoch === epoch && m.position.offset <= offset) return; // we have it
    at[m.room] = m.position;
    onMessage(m);
  };
  const joined = ({ room, recovered, messages, more, position }) => {
    if (at[room] && !recovered) onReset(room), delete at[room];
    messages.forEach(handle);
    if (recovered && more) return join(room); // the next page
    at[room] ??= position;
    held[room]?.splice(0).forEach(handle);
    delete held[room];
  };
  const open = () => {
    held = Object.fromEntries(rooms.map((room) => [room, []]));
    socket = new WebSocket(url);
    socket.onopen = () => rooms.forEach(join);
    socket.onmessage = (event) => {
      const { id, method, params, result } = JSON.parse(event.data);
      if (id === "join" && result) joined(result);
      if (method === "room.message") held[params.room]?.push(params) ?? handle(params);
    };
    socket.onclose = ({ code, reason }) => {
      const [, min, max] = /retry=(\d+)-(\d+)/.exec(reason) ?? [0, 500, 5000];
      if (code < 4500) setTimeout(open, +min + Math.random() * (max - min)); // after the others coming back is of no use
    };
  };
  open();
  return send;
}
