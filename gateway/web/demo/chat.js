// The demo chat: joins the page's parts.

import { Connection } from "./connection.js";
import { faultOf, ownName, remember, userID, usualName } from "./identity.js";
import { Log } from "./log.js";
import { paintFace, People } from "./people.js";

const room = "lobby";
const mostBytes = 4096; // of one message's text, as the server has it

const $ = (id) => document.getElementById(id);
const user = userID();
let name = ownName();
let unread = 0;
let phase = { phase: "connecting" };

const log = new Log({
  scroll: $("scroll"),
  messages: $("messages"),
  outbox: $("outbox"),
  newest: $("newest"),
  empty: $("empty"),
});

const people = new People($("list"), (n) => {
  $("count").textContent = $("toggle-count").textContent = n;
});

const connection = new Connection({ address, onPhase: showPhase, onNotification: hear });

function address() {
  const url = new URL("ws", location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  url.search = new URLSearchParams({ user, name });
  url.hash = "";
  return url;
}

// ---- What the server says ----

function hear(method, params) {
  switch (method) {
    case "welcome":
      return join();
    case "room.message":
      log.add(params);
      return countUnread(params);
    case "room.joined":
      return log.tell("joined", params, people.joined(params, params.present));
    case "room.left":
      people.left(params, params.present);
      return log.tell("left", params);
  }
}

/** Both requests leave at once; each answer is used when it comes, so that what follows it is not mistaken for older. */
function join() {
  const complain = (error) => error.reason !== "lost" && ($("hint").textContent = sentence(error.message));
  connection.call("room.join", { room }).then((joined) => log.join(user, joined)).catch(complain);
  connection.call("room.present", { room }).then((now) => people.replace(user, now.users, now.present)).catch(complain);
}

function countUnread(message) {
  if (!document.hidden || message.from.user === user) return;
  unread++;
  document.title = `(${unread}) hubbub`;
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  unread = 0;
  document.title = "hubbub";
  if (phase.phase === "waiting") connection.connect();
});

// A browser may keep a page that was left, for the way back, and keep its socket open: to the others this person would still
// be here. So the page says goodbye, and comes back when it is shown again.
window.addEventListener("pagehide", () => connection.leave());
window.addEventListener("pageshow", (event) => {
  if (event.persisted && name && phase.phase !== "stopped") connection.connect();
});

// ---- The state of the connection ----

function showPhase(now) {
  phase = now;
  const offline = now.phase !== "open" && !navigator.onLine;
  const label = offline ? "Offline" : labelOf(now);
  if ($("state").textContent !== label) $("state").textContent = label;
  $("state").dataset.phase = offline ? "offline" : now.phase === "connecting" && now.again ? "waiting" : now.phase;
  document.body.classList.toggle("away", now.phase !== "open");
  showTrouble(offline);
}

function labelOf({ phase, again }) {
  if (phase === "open") return "Connected";
  if (phase === "stopped") return "Disconnected";
  return phase === "waiting" || again ? "Reconnecting…" : "Connecting…";
}

function showTrouble(offline) {
  const trouble = $("trouble");
  const [text, button] = trouble.children;
  trouble.hidden = phase.phase === "open" || (phase.phase === "connecting" && !phase.again);
  if (trouble.hidden) return;
  button.textContent = "Try now";
  if (phase.phase === "stopped") {
    text.textContent = `The server ended this connection (${phase.reason || "without a reason"}).`;
    button.textContent = "Connect again";
    return;
  }
  const seconds = Math.ceil((phase.until - Date.now()) / 1000);
  const when = seconds > 0 ? `in ${seconds} s` : "now";
  text.textContent = offline
    ? "This device is offline. What you write stays here until it is back."
    : `The server cannot be reached; trying again ${when}. What you write stays here.`;
}

setInterval(() => phase.phase === "waiting" && showTrouble(!navigator.onLine), 500);
$("trouble").lastElementChild.addEventListener("click", () => connection.connect());
window.addEventListener("online", () => phase.phase !== "open" && name && connection.connect());
window.addEventListener("offline", () => showPhase(phase));

// ---- Writing ----

const text = $("text");

$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  const written = text.value.trim();
  if (!written || phase.phase !== "open" || !showLength()) return;
  text.value = "";
  fit();
  send(written);
  text.focus();
});

// What Enter would insert decides, not the key: keyboards on glass do not always name their keys.
let shifted = false;
text.addEventListener("keydown", (event) => (shifted = event.shiftKey));
text.addEventListener("keyup", (event) => (shifted = event.shiftKey));
text.addEventListener("beforeinput", (event) => {
  if (event.inputType !== "insertLineBreak" || shifted || event.isComposing) return;
  event.preventDefault();
  $("composer").requestSubmit();
});

text.addEventListener("input", () => {
  fit();
  showLength();
});

async function send(written) {
  const row = log.pending(written, () => send(written));
  try {
    const { id } = await connection.call("room.send", { room, data: { text: written } });
    row.confirm(id);
  } catch (error) {
    row.fail(error.reason === "lost" ? "The connection was lost; this may not have arrived." : sentence(error.message));
  }
}

const sentence = (words) => `${words[0].toLocaleUpperCase()}${words.slice(1)}.`;

/** Says when the text is too long, and returns whether it may be sent. */
function showLength() {
  const over = new TextEncoder().encode(text.value.trim()).length - mostBytes;
  $("hint").textContent = over > 0 ? `Too long by ${over} bytes: a message has at most ${mostBytes}.` : "";
  return over <= 0;
}

/** Grows the field with its text, where the browser does not do it by itself. */
function fit() {
  if (CSS.supports("field-sizing", "content")) return;
  text.style.height = "auto";
  text.style.height = `${text.scrollHeight + 2}px`;
}

// ---- The name ----

const door = $("door");
const field = $("name");

function ask() {
  field.value = name || usualName();
  field.setCustomValidity("");
  $("stay").hidden = !name;
  door.querySelector("[type=submit]").textContent = name ? "Change the name" : "Join the chat";
  door.showModal();
  field.select();
}

field.addEventListener("input", () => field.setCustomValidity(""));
door.addEventListener("cancel", (event) => name || event.preventDefault());
door.addEventListener("close", () => (name ? text.focus() : ask())); // closing gives the focus back to what had it
$("stay").addEventListener("click", () => door.close());
$("me").addEventListener("click", ask);

door.querySelector("form").addEventListener("submit", (event) => {
  const chosen = field.value.trim();
  const fault = faultOf(chosen);
  if (fault) {
    event.preventDefault();
    field.setCustomValidity(fault);
    field.reportValidity();
    return;
  }
  if (chosen === name) return;
  name = chosen;
  remember(name);
  enter();
});

function enter() {
  const me = $("me");
  me.hidden = false;
  me.querySelector("bdi").textContent = name;
  me.setAttribute("aria-label", `You are ${name}. Change your name`);
  paintFace(me.querySelector(".face"), { user, info: { name } });
  connection.connect();
  text.focus();
}

// ---- The list of people, which is folded away on a narrow screen ----

function unfold(open) {
  $("people").classList.toggle("open", open);
  $("toggle").setAttribute("aria-expanded", open);
}

$("toggle").addEventListener("click", () => unfold(!$("people").classList.contains("open")));

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !$("people").classList.contains("open")) return;
  unfold(false);
  $("toggle").focus();
});

$("snippet").textContent = `s = new WebSocket("${new URL("ws", location.href.replace(/^http/, "ws"))}?user=ann")
s.onmessage = (e) => console.log(e.data)
s.onopen = () => {
  s.send('{"id":1, "method":"room.join", "params":{"room":"lobby"}}')
  s.send('{"id":2, "method":"room.send", "params":{"room":"lobby", "data":{"text":"hello"}}}')
}`;

if (name && !faultOf(name)) enter();
else ask();
