// Who is online, and on which devices: the people that this page shows are watched, so that the server tells of every
// change.

const mostAtOnce = 200; // users in one request
const mostWatched = 900; // the server allows 1,000 for a session

export class Presence {
  #call;
  #onChange;
  #known = new Map(); // user → presence
  #names = new Map(); // user → info
  #watched = new Set();
  #asked = new Set(); // in the next request
  #heard = new Set(); // told of while a request is on its way

  /** onChange(user) is told what changed; user is "" where it may be anybody. */
  constructor(call, onChange) {
    this.#call = call;
    this.#onChange = onChange;
  }

  /** What is known of a user: {user, info?, online?, devices, last_seen?}. */
  of(user) {
    const known = this.#known.get(user);
    return { devices: [], ...known, user, info: this.#names.get(user) ?? known?.info };
  }

  /** Remembers how people are called. */
  meet(...people) {
    for (const person of people) if (person?.user && person.info) this.#names.set(person.user, person.info);
  }

  /** Watches users from now on. Requests of one moment become one. */
  watch(...users) {
    const fresh = users.filter((user) => user && !this.#watched.has(user) && !this.#asked.has(user));
    if (!fresh.length) return;
    if (!this.#asked.size) queueMicrotask(() => this.#ask());
    for (const user of fresh) this.#asked.add(user);
  }

  async #ask() {
    const users = [...this.#asked].slice(0, mostAtOnce);
    this.#asked.clear();
    if (this.#watched.size + users.length > mostWatched) return;
    for (const user of users) {
      this.#watched.add(user);
      this.#heard.delete(user);
    }
    try {
      const now = await this.#call("presence.watch", { users });
      // What came as a change may be newer than the answer; if it is not, the newer one still comes as a change.
      for (const presence of now.users) if (!this.#heard.has(presence.user)) this.#set(presence);
      this.#onChange("");
    } catch {
      for (const user of users) this.#watched.delete(user);
    }
  }

  /** Takes the notification presence.changed. */
  hear(presence) {
    this.#heard.add(presence.user);
    this.#set(presence);
    this.#onChange(presence.user);
  }

  #set(presence) {
    this.meet(presence);
    this.#known.set(presence.user, presence);
  }

  /** Asks anew for everybody after a new connection: watching ended with the old one. */
  renew() {
    const users = [...this.#watched];
    this.#watched.clear();
    this.watch(...users);
  }
}

/** A device in words: "phone-7c2d", "chrome-linux-k3f9 in 2 tabs". */
export function deviceText({ device, sessions }) {
  return sessions > 1 ? `${device} in ${sessions} tabs` : device;
}
