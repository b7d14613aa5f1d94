// What stands where there are no messages yet.

import { element } from "./dom.js";

/** Says what a stream of me, a user, is for; of a room also how to join it from the browser's console. */
export function emptyWords(stream, me) {
  if (stream.kind === "user") {
    const [big, small] =
      stream.name === me
        ? ["No notes yet.", "What you write here only you see, on all of your devices."]
        : ["No messages yet.", "What you write here only the two of you see, on all of your devices."];
    return [element("p", "big", big), element("p", "", small)];
  }
  const at = new URL("ws", location.href.replace(/^http/, "ws"));
  at.search = at.hash = "";
  const room = JSON.stringify(stream.name);
  const program = `s = new WebSocket("${at}?user=console")
s.onmessage = (e) => console.log(e.data)
s.onopen = () => {
  say = (id, method, params) => s.send(JSON.stringify({id, method, params}))
  say(1, "room.join", {room: ${room}})
  say(2, "room.send", {room: ${room}, data: {text: "hello"}})
}`;
  const code = element("code", "", program);
  code.id = "snippet";
  return [
    element("p", "big", "It is quiet here."),
    element(
      "p",
      "",
      "Say hello, then open this page in a second tab and answer yourself. Or join from the browser's console:",
    ),
    element("pre", "", code),
  ];
}
