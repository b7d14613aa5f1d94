// A stream of messages as this page has it: of one room, or with one other person. It keeps its position, so that after
// a cut it gets everything that came meanwhile, once and in order; sends what is written, again where no answer came;
// and counts what is unread.

import { Unread, isAfter } from "./unread.js";

const pageSize = 50;
const mostKept = 1_000; // messages on this page; older ones can be fetched again
const keyLife = 4 * 60_000; // ms for which the same key is surely the same message; the server has 5 minutes
const mostTries = 5;
const typingLife = 6_000; // ms for which somebody types who does not say so again
const typingEvery = 3_000; // ms between telling that we type

/**
 * Stream is of kind "room" or "user" (then name is the other person). onChange(stream, what, detail) is told "append"
 * (a message), "prepend", "reset", "outbox", "receipts", "typing", "state", and "ready" after each catching up.
 */
export class Stream {
  messages = []; // oldest first
  more = false; // there are earlier ones
  wanted = false; // this page shows the stream, so that messages are to be fetched
  loaded = false; // they were
  error = ""; // why that is impossible
  position = null; // of the last message that was handled
  outbox = []; // {key, text, sentAt, id, why}
  last = null; // the newest message, known before others are fetched
  readers = new Map(); // user → position up to which they have read
  typing = new Map(); // user → {person, timer}
  present = new Map(); // user → person; of a room
  count = 0; // how many are there; of a room
  moved = null; // who came or went while the server is being asked who is there

  #call;
  #me;
  #onChange;
  #turn = 0;
  #ready = false;
  #later = null; // live messages that wait until the stream has caught up, while it does
  #loading = false; // an earlier page is on its way
  #typedAt = 0;
  #marking = false;

  constructor({ kind, name, me, call, onChange }) {
    this.kind = kind;
    this.name = name;
    this.id = `${kind}=${encodeURIComponent(name)}`; // as in the page's address
    this.target = { [kind]: name };
    this.unread = new Unread(me);
    this.#me = me;
    this.#call = (method, params) => call(method, { ...this.target, ...params });
    this.#onChange = (what, detail) => onChange(this, what, detail);
  }

  /** Fetches what came since the last position, or the newest messages. What comes live meanwhile waits. */
  async catchUp() {
    const turn = ++this.#turn;
    this.wanted = true;
    this.#ready = false;
    this.#later = [];
    try {
      await (this.kind === "room" ? this.#join() : this.#follow(null));
    } catch (error) {
      if (turn !== this.#turn || error.reason === "lost") return;
      this.error = error.message;
      this.#onChange("state");
      return;
    }
    if (turn !== this.#turn) return;
    this.error = "";
    this.loaded = this.#ready = true;
    const later = this.#later;
    this.#later = null;
    for (const message of later) this.#take(message);
    this.outbox = this.outbox.filter((item) => !item.id); // what the server has has come by now
    this.#onChange("outbox");
    this.#onChange("ready");
    for (const item of this.outbox) if (!item.why) this.#post(item);
  }

  async #join() {
    const joined = await this.#call("room.join", { since: this.position ?? undefined, limit: pageSize });
    this.count = joined.present ?? 0;
    if (joined.recovered) {
      for (const message of joined.messages) this.#recover(message);
      if (joined.more) await this.#follow(joined.position);
    } else {
      this.#reset(joined.messages, joined.more);
    }
    if (joined.position && isAfter(joined.position, this.position)) this.position = joined.position;
    this.unread.begin(this.position);
  }

  /** Reads history after the position, up to one if it is given, or the newest page where there is nothing to go on from. */
  async #follow(upTo) {
    while (this.position && (!upTo || isAfter(upTo, this.position))) {
      const page = await this.#call(`${this.kind}.history`, { after: this.position, limit: 4 * pageSize });
      if (!page.complete) this.position = null;
      else for (const message of page.messages) this.#recover(message);
      if (page.complete && (!page.more || !page.messages.length)) return;
    }
    if (this.position) return;
    const page = await this.#call(`${this.kind}.history`, { limit: pageSize });
    this.#reset(page.messages, page.more);
  }

  #reset(messages, more) {
    const lost = this.messages.length > 0;
    this.messages = messages;
    this.more = more;
    this.last = messages.at(-1) ?? null;
    this.position = this.last?.position ?? null;
    if (lost) this.unread.counted(messages.filter(({ from }) => from?.user !== this.#me).length, this.position);
    this.#onChange("reset", lost);
  }

  /** Takes a live message, whether the stream is open on this page or not. */
  receive(message) {
    this.unread.count(message);
    if (!this.last || isAfter(message.position, this.last.position)) this.last = message;
    this.#stopsTyping(message.from?.user);
    if (this.#ready) this.#take(message);
    else this.#later?.push(message);
    this.#onChange("state");
  }

  #recover(message) {
    this.unread.count(message);
    this.#take(message);
  }

  #take(message) {
    const { position } = message;
    if (position && this.position && position.epoch !== this.position.epoch) return this.catchUp();
    if (position && !isAfter(position, this.position)) return;
    if (position) this.position = position;
    this.last = message;
    this.messages.push(message);
    if (this.messages.length > mostKept) {
      this.messages.shift();
      this.more = true;
    }
    this.outbox = this.outbox.filter((item) => item.id !== message.id);
    this.#onChange("append", message);
  }

  /** Forgets what depended on the connection that was lost. */
  cut() {
    this.#turn++;
    this.#ready = false;
    this.#later = null;
    this.unread.cut(this.last);
    for (const user of [...this.typing.keys()]) this.#stopsTyping(user);
  }

  /** Fetches the page before the first message. */
  async earlier() {
    const first = this.messages.find((message) => message.position);
    if (this.#loading || !this.more || !first) return;
    this.#loading = true;
    try {
      const page = await this.#call(`${this.kind}.history`, { before: first.position, limit: pageSize });
      if (this.messages[0] !== first) return;
      this.messages.unshift(...page.messages);
      this.more = page.more && page.messages.length > 0;
      this.#onChange("prepend");
    } catch (error) {
      if (error.reason !== "lost") this.more = false;
    } finally {
      this.#loading = false;
    }
  }

  /** Takes that somebody is in the room now, or is not any more. */
  move(person, here) {
    if (here) this.present.set(person.user, person);
    else this.present.delete(person.user);
    if (!here) this.#stopsTyping(person.user);
    this.moved?.push([person, here]);
  }

  // ---- Sending ----

  /** Sends a text now, or as soon as there is a connection. */
  send(text) {
    const item = { key: crypto.getRandomValues(new Uint32Array(3)).join("-"), text, sentAt: 0, id: "", why: "", tries: 0 };
    this.outbox.push(item);
    this.#typedAt = 0;
    this.#onChange("outbox");
    if (this.#ready) this.#post(item);
  }

  /** Gives up a text of the outbox; again sends it as a new message. */
  discard(item, again = false) {
    this.outbox = this.outbox.filter((other) => other !== item);
    if (again) this.send(item.text);
    this.#onChange("outbox");
  }

  async #post(item) {
    if (item.sentAt && Date.now() - item.sentAt > keyLife)
      return this.#fail(item, "The connection was lost; this may not have arrived.");
    item.sentAt ||= Date.now();
    try {
      const { id } = await this.#call(`${this.kind}.send`, { data: { text: item.text }, key: item.key });
      item.id = id;
      if (this.messages.some((message) => message.id === id)) this.discard(item);
    } catch (error) {
      if (error.reason === "lost") return; // catchUp sends it again
      if (["rate_limited", "unavailable"].includes(error.reason) && ++item.tries < mostTries) {
        setTimeout(() => this.#ready && this.outbox.includes(item) && this.#post(item), error.retryAfter || 1_000);
        return;
      }
      this.#fail(item, error.message);
    }
  }

  #fail(item, why) {
    item.why = why;
    this.#onChange("outbox");
  }

  // ---- Receipts and typing ----

  /** Tells the others that everything was read. */
  async markRead() {
    const { last } = this;
    if (this.#marking || !this.#ready || !last || !this.unread.isOpen) return;
    if (!last.position) return this.#setRead(null);
    this.#marking = true;
    try {
      await this.#call("message.read", { position: last.position });
      this.#setRead(last.position);
    } catch {
      // It is marked with the next message, or after the next connection.
    } finally {
      this.#marking = false;
    }
    if (this.last !== last) this.#onChange("state");
  }

  #setRead(position) {
    this.unread.readUpTo(position, this);
    this.#onChange("state");
  }

  /** Takes the notification message.read. Returns whether what is unread must be asked for. */
  hearRead(reader, position) {
    if (reader === this.#me) {
      const known = this.unread.readUpTo(position, this);
      this.#onChange("state");
      return !known;
    }
    const before = this.readers.get(reader);
    if (before && before.epoch === position.epoch && !isAfter(position, before)) return false;
    this.readers.set(reader, position);
    this.#onChange("receipts");
    return false;
  }

  /** The users other than oneself who have read a message. */
  seenBy(message) {
    const has = ([, position]) =>
      message.position && position.epoch === message.position.epoch && position.offset >= message.position.offset;
    return [...this.readers].filter(has).map(([user]) => user);
  }

  /** Tells the others that somebody types here, or has stopped. */
  tellTyping(active) {
    if (active && Date.now() - this.#typedAt < typingEvery) return;
    if (!active && !this.#typedAt) return;
    this.#typedAt = active ? Date.now() : 0;
    this.#call("typing", { active }).catch(() => {});
  }

  hearTyping(person, active) {
    this.#stopsTyping(person.user);
    if (!active || person.user === this.#me) return;
    this.typing.set(person.user, { person, timer: setTimeout(() => this.#stopsTyping(person.user), typingLife) });
    this.#onChange("typing");
  }

  #stopsTyping(user) {
    const typing = this.typing.get(user);
    if (!typing) return;
    clearTimeout(typing.timer);
    this.typing.delete(user);
    this.#onChange("typing");
  }
}
