// The demo chat: joins the page's parts.

import { Bell } from "./bell.js";
import { Chat } from "./chat.js";
import { compose } from "./composer.js";
import { Connection } from "./connection.js";
import { Devices } from "./devices.js";
import { $, element, faceOf } from "./dom.js";
import { Door, Ended } from "./door.js";
import { emptyWords } from "./empty.js";
import { forget, remembered } from "./identity.js";
import { Inbox } from "./inbox.js";
import { Log, textOf } from "./log.js";
import { Panel } from "./panel.js";
import { showPeople, showStreams, showTitle } from "./side.js";
import { Start } from "./start.js";
import { Toasts } from "./toasts.js";
import { Trouble } from "./trouble.js";
import { Wire } from "./wire.js";

const censusEvery = 15_000; // ms
const censusAge = 1_200; // ms after which the server counts anew

let me = null; // who is signed in
let chat = null;
let current = null; // the stream that is shown
const narrow = matchMedia("(max-width: 719px)");

const log = new Log(() => see());
const wire = new Wire((text) => connection.write(text));
const connection = new Connection({
  address,
  onPhase: showPhase,
  onNotification: (method, params) => {
    chat.hear(method, params);
    inbox.hear(method, params);
  },
  onFrame: (direction, text) => wire.note(direction, text),
});
const inbox = new Inbox({ call: (method, params) => connection.call(method, params), on: () => dirty("inbox") });
const toasts = new Toasts();
const bell = new Bell(toasts);
const panel = new Panel({ inbox, me: () => me, tell: (text) => toasts.say(text), onToggle: () => dirty("inbox") });
const trouble = new Trouble(() => connection.connect());
const door = new Door(enter);
const ended = new Ended({ again: () => connection.connect(), other: signOut });
const devices = new Devices(signOut);
const start = new Start();
const composer = compose({
  send: (text) => {
    log.toEnd();
    current.send(text);
  },
  typing: (active) => chat?.session && current.tellTyping(active),
});

function address() {
  const url = new URL("ws", location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  url.search = new URLSearchParams(me);
  url.hash = "";
  return url;
}

// ---- Signing in and out ----

function enter(who) {
  me = who;
  chat = new Chat({ me, connection, on: changed });
  current = null;
  $("me").replaceChildren(
    faceOf(person()),
    element("span", "words", element("bdi", "name", me.name), element("span", "preview", me.device)),
  );
  $("me").setAttribute("aria-label", `You are ${me.name} on ${me.device}. Your devices, and signing out`);
  connection.connect();
  go();
}

const person = () => ({ user: me.user, info: { name: me.name } });

/** Forgets who is here, and begins anew. */
function signOut() {
  forget();
  history.replaceState(null, "", location.pathname);
  location.reload();
}

function showPhase(now) {
  if (now.phase !== "open" && chat?.session) chat.cut();
  trouble.show(now);
  dirty("streams");
  if (now.phase === "open" && $("ended").open) ended.close();
  if (now.phase === "stopped") ended.show(now.why, me);
}

// ---- Where the page is: #room=name or #user=name; on a narrow screen, without either, it shows the lists alone ----

function go() {
  if (!chat) return;
  const [, kind, encoded] = /^#(room|user)=(.+)$/.exec(location.hash) ?? [];
  document.body.dataset.view = kind ? "talk" : "list";
  unfold(false);
  show(kind ? chat.open(kind, decoded(encoded)) : (current ?? chat.open("room", [...chat.rooms.keys()][0] ?? "lobby")));
  if (!narrow.matches) return composer.focus();
  if (kind) $("title").firstElementChild.focus();
  else document.querySelector(".stream[aria-current]")?.focus();
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function show(stream) {
  if (stream !== current && chat.session) current?.tellTyping(false);
  const other = stream !== current;
  current = stream;
  composer.show(`${me.user} ${stream.id}`, stream.kind === "room" ? `Write to ${stream.name}` : "Write privately");
  if (other) {
    $("empty").replaceChildren(...emptyWords(stream, me.user));
    log.show(stream, me.user, chat.presence);
    log.typing();
  }
  dirty("streams");
  dirty("people");
  see();
}

window.addEventListener("hashchange", go);
narrow.addEventListener("change", () => see());
$("leave").addEventListener("click", () => {
  chat.leave(current);
  current = null;
  location.hash = "";
});

// ---- What changes is shown once for all that happened in one moment ----

const waiting = new Set();

function dirty(what) {
  if (!waiting.size) queueMicrotask(redraw);
  waiting.add(what);
}

function redraw() {
  const what = new Set(waiting);
  waiting.clear();
  if (!me || !current) return;
  if (what.has("inbox")) showInbox();
  if (what.has("people")) showPeople(chat, current);
  showStreams(chat, current);
  showTitle(chat, current);
  trouble.showError(current);
  const unread = [...chat.rooms.values(), ...chat.peers.values()].reduce((sum, stream) => sum + stream.unread.total, 0);
  const fresh = unread + (inbox.counts?.unseen ?? 0);
  document.title = fresh ? `(${fresh}) hubbub` : "hubbub";
}

function showInbox() {
  if (!inbox.counts) panel.close();
  panel.draw();
  bell.draw(inbox, panel.open);
}

function changed(what, stream, detail) {
  if (what === "census") return showCensus(detail);
  if (what === "told") return toasts.say(textOf({ data: detail }));
  if (stream && stream === current) showCurrent(what, detail);
  dirty("streams");
  if (what === "people" || what.startsWith("room.")) {
    dirty("people");
    census();
  }
  if (what === "people" && detail === me?.user) devices.refresh();
}

function showCurrent(what, detail) {
  switch (what) {
    case "append":
      log.append(detail);
      return see();
    case "reset":
      log.reset(detail);
      return see();
    case "prepend":
      return log.prepend();
    case "outbox":
      return log.outbox();
    case "receipts":
      return log.receipts();
    case "typing":
      return log.typing();
    case "room.joined":
    case "room.left":
      return log.tell(what === "room.joined", detail);
    default:
      return see();
  }
}

/** Marks as read what is in sight. */
function see() {
  const inSight =
    !document.hidden &&
    (!narrow.matches || document.body.dataset.view === "talk") &&
    !document.body.classList.contains("unfolded");
  if (chat?.session && current && inSight && log.atEnd) current.markRead();
}

let counting = 0;

/** Asks for the figures a moment after somebody has come or gone. */
function census() {
  counting ||= setTimeout(() => {
    counting = 0;
    if (chat?.session) chat.census();
  }, censusAge);
}

function showCensus({ users, sessions }) {
  const many = (n, what) => `${n} ${what}${n === 1 ? "" : "s"}`;
  $("census").textContent = `${users === 1 ? "1 person" : `${users} people`} online in ${many(sessions, "session")}`;
}

// ---- The list of people folds away where there is no room for it ----

function unfold(open) {
  document.body.classList.toggle("unfolded", open);
  $("toggle").setAttribute("aria-expanded", open);
  see();
}

$("toggle").addEventListener("click", () => {
  unfold(!document.body.classList.contains("unfolded"));
  if (document.body.classList.contains("unfolded")) $("fold").focus();
});
$("fold").addEventListener("click", () => {
  unfold(false);
  $("toggle").focus();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && document.body.classList.contains("unfolded")) $("fold").click();
});

// ---- The rest ----

$("me").addEventListener("click", () => devices.open(chat));
$("add-room").addEventListener("click", () => start.open("room", []));
$("add-peer").addEventListener("click", () => start.open("user", chat.acquaintances()));
setInterval(() => !document.hidden && chat?.session && chat.census(), censusEvery);

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  if (trouble.phase === "waiting") connection.connect();
  else connection.probe();
  see();
});

// A browser may keep a page that was left, for the way back, and keep its socket open: to the others this person would
// still be here. So the page says goodbye, and comes back when it is shown again.
window.addEventListener("pagehide", () => connection.leave());
window.addEventListener("pageshow", (event) => {
  if (!event.persisted || !me || trouble.phase === "stopped") return;
  chat.cut();
  connection.connect();
});
window.addEventListener("online", () => me && !["open", "stopped"].includes(trouble.phase) && connection.connect());

const who = remembered();
if (who) enter(who);
else door.open();
