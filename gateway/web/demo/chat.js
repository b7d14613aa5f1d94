// What the chat knows: the rooms and conversations of the person who is signed in, and who is online. It hears what the
// server says and files it; the page's parts show it.

import { leftRooms, ownRooms, rememberLeft, rememberRooms } from "./identity.js";
import { Presence } from "./presence.js";
import { Stream } from "./stream.js";
import { isAfter } from "./unread.js";

const mostPresent = 200; // people of a room that are shown
const mostRooms = 50; // beyond which those that the server lists are not joined; it allows a session 100

/**
 * Chat is one person's. on(what, stream, detail) is told what a Stream tells, and further "streams" (the list of them
 * has changed), "people" (presence), "told" (what a backend says) and "census" ({users, sessions}).
 */
export class Chat {
  rooms = new Map(); // name → Stream
  peers = new Map(); // user → Stream
  session = null; // the welcome's params
  #connection;
  #on;

  constructor({ me, connection, on }) {
    this.me = me;
    this.#connection = connection;
    this.#on = on;
    this.call = (method, params) => this.#connection.call(method, params);
    this.presence = new Presence(this.call, (user) => on("people", null, user));
    this.presence.meet({ user: me.user, info: { name: me.name } });
    for (const room of ownRooms(me.user)) this.#stream("room", room);
  }

  /** The stream of a room or of a conversation; it is made if there is none. */
  open(kind, name) {
    const known = (kind === "room" ? this.rooms : this.peers).get(name);
    const stream = known ?? this.#stream(kind, name);
    if (kind === "room" && !known) this.#remember(name, true);
    if (kind === "user") this.presence.watch(name);
    if (this.session && !stream.wanted) stream.catchUp();
    stream.wanted = true;
    if (!known) this.#on("streams");
    return stream;
  }

  #stream(kind, name) {
    const stream = new Stream({
      kind,
      name,
      me: this.me.user,
      call: this.call,
      onChange: (...change) => this.#changed(...change),
    });
    (kind === "room" ? this.rooms : this.peers).set(name, stream);
    return stream;
  }

  /** Leaves a room. */
  leave(stream) {
    stream.cut();
    this.rooms.delete(stream.name);
    this.#remember(stream.name, false);
    this.call("room.leave", stream.target).catch(() => {});
    this.#on("streams");
  }

  /** Remembers the rooms in this browser, after one was entered or left. */
  #remember(room, entered) {
    const left = leftRooms(this.me.user);
    left.delete(room);
    if (!entered) left.add(room);
    rememberLeft(this.me.user, left);
    rememberRooms(this.me.user, [...this.rooms.keys()]);
  }

  #changed(stream, what, detail) {
    if (what === "append") this.presence.meet(detail.from);
    if (what === "reset") this.presence.meet(...stream.messages.map((message) => message.from));
    if (what === "ready" && stream.kind === "room") this.#askPresent(stream);
    this.#on(what, stream, detail);
  }

  /** Takes the end of a connection. */
  cut() {
    this.session = null;
    for (const stream of this.#all()) stream.cut();
  }

  #all() {
    return [...this.rooms.values(), ...this.peers.values()];
  }

  // ---- What the server says ----

  hear(method, params) {
    switch (method) {
      case "welcome":
        return this.#begin(params);
      case "room.message":
        return this.rooms.get(params.room)?.receive(params);
      case "room.skipped":
        return this.rooms.get(params.room)?.catchUp();
      case "room.joined":
      case "room.left":
        return this.#moved(method, params);
      case "user.message":
        return this.#hearPrivate(params);
      case "message.read":
        return this.#hearRead(params);
      case "typing":
        this.presence.meet(params.from);
        return this.#find(params)?.hearTyping(params.from, params.active);
      case "presence.changed":
        return this.presence.hear(params);
      case "room.member":
        return params.user === this.me.user && params.role && this.#admitted(params.room);
      case "broadcast":
        return this.#on("told", null, params.data);
    }
  }

  /** The requests leave at once, without waiting for each other. */
  #begin(welcome) {
    this.session = welcome;
    this.presence.renew();
    this.presence.watch(this.me.user);
    for (const stream of this.#all()) if (stream.kind === "room" || stream.wanted) stream.catchUp();
    this.list();
    this.census();
    this.#on("streams");
  }

  #find({ room, user }) {
    return room === undefined ? this.peers.get(user) : this.rooms.get(room);
  }

  #hearPrivate(message) {
    if (!message.peer) return this.#on("told", null, message.data); // a backend's
    this.presence.meet(message.from);
    const known = this.peers.get(message.peer);
    (known ?? this.#stream("user", message.peer)).receive(message);
    this.presence.watch(message.peer);
    this.#on("streams");
  }

  #hearRead(params) {
    const stream = this.#find(params);
    if (stream?.hearRead(params.reader, params.position)) this.list();
  }

  /** Enters a room that somebody has made this person a member of. */
  #admitted(room) {
    const stream = this.open("room", room);
    if (stream.error) stream.catchUp(); // it was refused before
  }

  #moved(method, params) {
    const stream = this.rooms.get(params.room);
    if (!stream) return;
    this.presence.meet(params);
    stream.count = params.count;
    stream.move(params, method === "room.joined");
    this.presence.watch(params.user);
    this.#on(method, stream, params);
  }

  async #askPresent(stream) {
    const moved = (stream.moved = []);
    try {
      const { users, count } = await this.call("room.present", { ...stream.target, limit: mostPresent });
      if (stream.moved !== moved) return; // it was asked again
      stream.moved = null;
      stream.present = new Map(users.map((person) => [person.user, person]));
      if (!moved.length) stream.count = count;
      for (const [person, here] of moved) stream.move(person, here); // the answer may be older than these
      this.presence.meet(...users);
      this.presence.watch(...stream.present.keys());
      this.#on("people", stream, "");
    } catch {
      if (stream.moved === moved) stream.moved = null; // presence is off in this room, or the connection is gone
    }
  }

  // ---- What the page asks ----

  /**
   * Asks for the conversations with what is unread in them: those included that began while the person was away, and rooms
   * that they were in on another device, but for those that were left on this one.
   */
  async list() {
    const { conversations, next } = await this.call("conversation.list", { limit: 100 }).catch(() => ({
      conversations: [],
      next: "unknown",
    }));
    const left = leftRooms(this.me.user);
    const gone = new Set(next ? [] : this.peers.keys()); // a server that has begun anew does not have them any more
    for (const each of conversations) {
      const isRoom = each.room !== undefined;
      const known = isRoom ? this.rooms.get(each.room) : this.peers.get(each.user);
      if (!known && isRoom && (left.has(each.room) || this.rooms.size >= mostRooms)) continue;
      const stream = known ?? (isRoom ? this.open("room", each.room) : this.#stream("user", each.user));
      stream.unread.counted(each.unread, each.position);
      if (!stream.last || isAfter(each.position, stream.last.position)) stream.last = each.last;
      if (isRoom) continue;
      this.presence.meet(each);
      this.presence.watch(each.user);
      if (each.peer_read) stream.hearRead(each.user, each.peer_read);
      gone.delete(each.user);
    }
    for (const user of gone) if (!this.peers.get(user).wanted && !this.peers.get(user).unread.fresh) this.peers.delete(user);
    this.#on("streams");
  }

  /** Asks how many are online. */
  async census() {
    try {
      this.#on("census", null, await this.call("presence.count"));
    } catch {
      // It is asked again soon.
    }
  }

  /** People to write to: all who are online where the server tells that, or else those who are in the same rooms. */
  async acquaintances() {
    const known = [...this.rooms.values()].flatMap((room) => [...room.present.values()]);
    const { users } = await this.call("presence.list", { limit: 100 }).catch(() => ({ users: known }));
    this.presence.meet(...users);
    return [...new Map(users.map((person) => [person.user, person])).values()].filter(({ user }) => user !== this.me.user);
  }
}
