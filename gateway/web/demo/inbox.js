// The inbox as this page has it: how much is unread, and those of its notices that were asked for. It follows what the
// server tells, so that all tabs and devices of a person show the same.

const pageSize = 50;
const rank = { unseen: 0, seen: 1, read: 2, archived: 3 };

export const isUnread = ({ state }) => rank[state] < rank.read;

/**
 * Inbox keeps a list of the notices that `filter` asks for, newest first. call(method, params) sends a request; on() is
 * told of each change, and may be told of several in one moment.
 */
export class Inbox {
  counts = null; // {unread, unseen, categories}; null where the gateway keeps no inbox
  categories = new Set(); // all that were ever seen here
  filter = { state: "all", category: "" }; // state: "all" (but archived), "unread" or "archived"
  notices = [];
  phase = "none"; // of the list: "none" before it was asked for, "loading", "ready" or "failed"
  next = ""; // where older ones begin; "" if there are none
  older = ""; // of the older ones: "", "loading" or "failed"
  error = ""; // why the list could not be fetched
  complaint = ""; // why the last thing that was done here had no effect
  fresh = []; // what came live and was not seen on any device, newest first

  #call;
  #on;
  #ahead = 0; // ms by which the clock here is ahead of the server's
  #seen = ""; // what see() has told of last
  #seeing = false; // it is telling
  #heard = null; // what changed while a page is on its way, since the page may be older than that

  constructor({ call, on }) {
    this.#call = call;
    this.#on = on;
  }

  // ---- What the server says ----

  hear(method, params) {
    switch (method) {
      case "welcome":
        return this.#begin(params);
      case "inbox.counts":
        return this.#count(params);
      case "inbox.notice":
        return this.#arrive(params);
      case "inbox.marked":
        return this.#hearMarked(params);
      case "inbox.removed":
        return this.#change((notices) => notices.filter(({ id }) => id !== params.id));
    }
  }

  #begin({ inbox, time }) {
    this.#ahead = Date.now() - time;
    this.#heard = null;
    this.#seen = "";
    this.fresh = [];
    this.complaint = "";
    this.#count(inbox ?? null);
    if (this.phase !== "none") this.load();
  }

  #count(counts) {
    this.counts = counts;
    for (const name of Object.keys(counts?.categories ?? {})) this.categories.add(name);
    this.#on();
  }

  #arrive(notice) {
    this.fresh = [notice, ...without(this.fresh, notice)];
    this.#change((notices) => {
      const others = without(notices, notice);
      if (!this.#wants(notice)) return others;
      const at = others.findIndex(({ time }) => time <= notice.time);
      return others.toSpliced(at < 0 ? others.length : at, 0, notice);
    });
  }

  /** What is not in the list may belong into it now: what was archived elsewhere, or taken back from there. */
  #hearMarked(mark) {
    this.#change(marking(mark));
    const known = new Set(this.notices.map(({ id }) => id));
    const archived = this.filter.state === "archived";
    const enters = mark.state === "archived" ? archived : mark.state === "unread" && !archived;
    if (enters && this.phase !== "none" && !(mark.ids ?? [""]).every((id) => known.has(id))) this.load();
  }

  /** Changes the list, and what is on its way for it. */
  #change(how) {
    this.#heard?.push(how);
    this.#keep(how(this.notices));
    this.fresh = how(this.fresh).filter(({ state }) => state === "unseen");
    this.#on();
  }

  /**
   * Keeps those that belong into the list. What was unread stays where unread ones are listed until they are asked for
   * again, so that it does not vanish under the eyes of who reads it.
   */
  #keep(notices) {
    const now = Date.now() - this.#ahead;
    const archived = this.filter.state === "archived";
    this.notices = notices.filter(
      ({ state, expires }) => (state === "archived") === archived && !(expires && expires <= now),
    );
    for (const { category } of this.notices) this.categories.add(category);
  }

  #wants({ category, state }) {
    return (
      (!this.filter.category || category === this.filter.category) &&
      this.filter.state !== "archived" &&
      rank[state] < rank.archived
    );
  }

  // ---- What the page asks ----

  /** Fetches the newest page of what the filter asks for; until it is there, the list stays as it is. */
  async load() {
    if (this.phase !== "ready" || !this.notices.length) this.phase = "loading";
    this.older = this.complaint = "";
    this.#on();
    await this.#fetch("", (page, heard) => {
      this.phase = "ready";
      this.error = "";
      this.next = page.next ?? "";
      this.notices = page.notices;
      for (const how of heard) this.#keep(how(this.notices));
      this.#keep(this.notices);
    }).catch((error) => {
      this.phase = "failed";
      this.error = why(error);
    });
    this.#on();
  }

  /** Fetches the next older page. */
  async loadOlder() {
    if (!this.next || this.#heard || this.phase !== "ready") return;
    this.older = "loading";
    this.#on();
    await this.#fetch(this.next, (page, heard) => {
      this.older = "";
      this.next = page.next ?? "";
      const known = new Set(this.notices.map(({ id }) => id));
      let fetched = page.notices.filter(({ id }) => !known.has(id));
      for (const how of heard) fetched = how(fetched).filter(({ id }) => !known.has(id));
      this.#keep([...this.notices, ...fetched]);
    }).catch(() => (this.older = "failed"));
    this.#on();
  }

  /** Fetches a page and gives it to take, unless another was asked for meanwhile. */
  async #fetch(before, take) {
    const heard = (this.#heard = []);
    const { state, category } = this.filter;
    const params = { state, category: category || undefined, before: before || undefined, limit: pageSize };
    try {
      const page = await this.#call("inbox.list", params);
      if (this.#heard === heard) take(page, heard);
    } catch (error) {
      if (this.#heard === heard) throw error;
    } finally {
      if (this.#heard === heard) this.#heard = null;
    }
  }

  /** Lists others: {state} or {category}, or both. */
  choose(filter) {
    this.filter = { ...this.filter, ...filter };
    this.notices = [];
    this.next = "";
    this.phase = "loading";
    this.load();
  }

  /** Marks as seen all that is as old as the newest that is listed, or older. */
  async see() {
    this.fresh = [];
    const newest = this.notices[0];
    if (!newest || this.filter.state === "archived" || this.#seeing) return;
    const key = `${newest.id} ${this.filter.category}`;
    if (this.#seen === key && this.notices.every(({ state }) => state !== "unseen")) return;
    this.#seeing = true;
    try {
      await this.#tell({ state: "seen", ...this.#listed() });
      this.#seen = key;
    } catch {
      // It is tried again when the list changes.
    } finally {
      this.#seeing = false;
    }
  }

  /** What a mark of everything in the list concerns, as far as this page knows of it: not what is just being published. */
  #listed() {
    const { category } = this.filter;
    return { until: this.notices[0]?.time, ...(category ? { category } : { all: true }) };
  }

  /** Marks one notice as "read", "unread" or "archived". */
  mark({ id }, state) {
    return this.#mark({ state, ids: [id] });
  }

  markAllRead() {
    return this.#mark({ state: "read", ...this.#listed() });
  }

  /** Drops what has expired. */
  prune() {
    const before = this.notices.length;
    this.#keep(this.notices);
    if (this.notices.length !== before) this.#on();
  }

  async #mark(mark) {
    this.complaint = "";
    await this.#tell(mark).catch((error) => (this.complaint = why(error)));
    this.#on();
  }

  /** Marks, and shows that as soon as it holds; the notification inbox.marked may be earlier than the reply. */
  async #tell(mark) {
    await this.#call("inbox.mark", mark);
    this.#change(marking(mark));
  }
}

/** The notices but this one and the one whose place it takes. */
function without(notices, { id, collapse }) {
  return notices.filter((each) => each.id !== id && !(collapse && each.collapse === collapse));
}

/** What a mark, {state, ids or category or all, until?}, makes of notices. States go forward only, but with "unread". */
function marking({ state, ids, category, until }) {
  const named = ids && new Set(ids);
  const meant = (notice) => {
    if (named) return named.has(notice.id);
    return (!category || notice.category === category) && !(until && notice.time > until);
  };
  const after = (notice) => {
    if (state !== "unread") return rank[state] > rank[notice.state] ? state : notice.state;
    return notice.state === "read" || (named && notice.state === "archived") ? "seen" : notice.state;
  };
  return (notices) =>
    notices.map((notice) => {
      const now = meant(notice) ? after(notice) : notice.state;
      return now === notice.state ? notice : { ...notice, state: now };
    });
}

function why(error) {
  if (error.reason === "lost") return "There is no connection.";
  return error.message || "The server did not say why.";
}
