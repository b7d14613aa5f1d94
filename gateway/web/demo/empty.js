// What stands where there are no messages yet.

import { element } from "./dom.js";

/** Says what a stream is for; of a room also how to join it from the browser's console. */
export function emptyWords(stream) {
  if (stream.kind === "user") {
    return [
      element("p", "big", "No messages yet."),
      element("p", "", "What you write here only the two of you see, on all of your devices."),
    ];
  }
  const at = new URL("ws", location.href.replace(/^http/, "ws"));
  at.search = at.hash = "";
  const room = JSON.stringify(stream.name);
  const program = `s = new WebSocket("${at}?user=console")
s.onmessage = (e) => console.log(e.data)
s.onopen = () => {
  s.send(JSON.stringify({id: 1, method: "room.join", params: {room: ${room}}}))
  s.send(JSON.stringify({id: 2, method: "room.send", params: {room: ${room}, data: {text: "hello"}}}))
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
