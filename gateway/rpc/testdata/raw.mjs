// Runs the code of docs/raw-websocket.md as a browser's console would. Usage: raw.mjs console|follow URL
import { readFileSync } from "node:fs";
import { runInThisContext } from "node:vm";

const [mode, url] = process.argv.slice(2);
const page = readFileSync("../../../docs/raw-websocket.md", "utf8");
const blocks = [...page.matchAll(/```js\n(.*?)```/gs)].map((match) => match[1].replace("ws://localhost:8080/ws", url));

if (mode === "console") {
  const [connect, ...rest] = blocks.filter((code) => /^(socket = |say\()/.test(code));
  runInThisContext(connect);
  socket.addEventListener("open", () => rest.forEach((code) => runInThisContext(code)));
} else {
  blocks.filter((code) => /^function follow/m.test(code)).forEach((code) => runInThisContext(code));
  const show = (m) => console.log(`message ${m.data}`);
  runInThisContext("follow")(`${url}?user=ann&device=laptop`, ["lobby"], show, (room) => console.log(`reset ${room}`));
}
