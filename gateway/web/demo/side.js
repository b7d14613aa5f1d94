// The lists beside the talk: rooms and conversations with what is unread, and who is here with their devices.

import { $, ago, element, faceOf, figure, nameOf, nameText, replace } from "./dom.js";
import { userFrom } from "./identity.js";
import { preview } from "./log.js";
import { deviceText } from "./presence.js";

/** Shows the rooms and conversations of a chat; current is the stream that is shown. */
export function showStreams(chat, current) {
  replace($("rooms"), ...[...chat.rooms.values()].map((stream) => streamRow(chat, stream, current)));
  const byTime = (a, b) => (b.last?.time ?? Infinity) - (a.last?.time ?? Infinity);
  replace($("peers"), ...[...chat.peers.values()].sort(byTime).map((stream) => streamRow(chat, stream, current)));
  $("no-peers").hidden = chat.peers.size > 0;
}

function streamRow(chat, stream, current) {
  const isRoom = stream.kind === "room";
  const person = isRoom ? null : chat.presence.of(stream.name);
  const link = element("a", "stream");
  link.href = `#${stream.id}`;
  link.dataset.key = stream.id;
  if (stream === current) link.setAttribute("aria-current", "page");
  const words = element("span", "words", isRoom ? element("bdi", "name", stream.name) : nameOf(person));
  const said = preview(stream, chat.me.user);
  if (said) words.append(element("bdi", "preview", said));
  link.append(isRoom ? element("span", "face hash", "#") : face(person), words);
  const unread = stream.unread.total;
  if (unread) {
    link.classList.add("fresh");
    const badge = element("span", "badge", figure(unread));
    badge.append(element("span", "unseen", unread === 1 ? " unread message" : " unread messages"));
    link.append(badge);
  }
  return element("li", "", link);
}

/** A face with a dot that says whether the person is online. */
function face(person) {
  const made = element("span", `seat${person.online ? " online" : ""}`, faceOf(person));
  if (person.online) made.append(element("span", "unseen", "online"));
  return made;
}

/** Says who a stream is with, in its head. */
export function showTitle(chat, stream) {
  const [name, about] = $("title").children;
  const isRoom = stream.kind === "room";
  const person = isRoom ? null : chat.presence.of(stream.name);
  name.replaceChildren(...(isRoom ? [element("span", "quiet", "# "), element("bdi", "", stream.name)] : [nameOf(person)]));
  $("sign").replaceChildren(...(isRoom ? [] : [face(person)]));
  about.textContent = isRoom ? `${stream.count} here` : stateText(person, chat.me.user);
  about.hidden = !chat.session || (isRoom && Boolean(stream.error));
  $("leave").hidden = !isRoom;
  $("leave").title = `Leave the room ${stream.name}`;
}

function stateText(person, me) {
  const devices = person.devices.map(deviceText).join(", ");
  if (person.user === me) return `notes to yourself, seen on all of your devices`;
  if (person.online) return devices ? `online · ${devices}` : "online a moment ago";
  return person.last_seen ? `last seen ${ago(person.last_seen)}` : "offline; what you write waits for them";
}

/** Shows who is in the room, or the person of a conversation, with their devices. */
export function showPeople(chat, stream) {
  const me = chat.me.user;
  const users = stream.kind === "room" ? [...stream.present.keys()] : [...new Set([stream.name, me])];
  const people = users.map((user) => chat.presence.of(user));
  const first = stream.kind === "room" ? me : stream.name;
  people.sort((a, b) => (b.user === first) - (a.user === first) || nameText(a).localeCompare(nameText(b)));
  const rows = people.map((person) => personRow(person, person.user === me));
  const hidden = stream.kind === "room" ? stream.count - people.length : 0;
  if (hidden > 0 && people.length) rows.push(element("li", "quiet", `and ${hidden} more`));
  $("people-title").replaceChildren(stream.kind === "room" ? "Here now " : "In this conversation ");
  if (stream.kind === "room") $("people-title").append(element("span", "count", String(stream.count)));
  replace($("list"), ...rows);
}

function personRow(person, mine) {
  const devices = person.devices.map((device) => element("span", "device", deviceText(device)));
  if (!devices.length && !person.online && person.last_seen)
    devices.push(element("span", "device", `last seen ${ago(person.last_seen)}`));
  const top = element("span", "top", nameOf(person));
  // A name says little, since anybody can take it.
  if (mine) top.append(element("span", "quiet", "you"));
  else if (userFrom(nameText(person)) !== person.user) top.append(element("span", "quiet", person.user));
  const link = element("a", "person", face(person), element("span", "words", top, ...devices));
  link.href = `#user=${encodeURIComponent(person.user)}`;
  link.dataset.key = person.user;
  link.title = mine ? "Write notes to yourself" : "Write privately";
  return element("li", "", link);
}
