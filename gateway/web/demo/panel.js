// The panel of the inbox: its list, what of it is listed, and what can be done with each notice.

import { $, agoOf, button, element, figure, replace, sentence } from "./dom.js";
import { isUnread } from "./inbox.js";
import { isHere, noticeRow } from "./notice.js";

const nearEnd = 300; // pixels before the end of the list at which older notices are fetched
const tick = 30_000; // ms between looks at the clock
const canOpen = "popover" in HTMLElement.prototype; // browsers before 2024 show no bell

export class Panel {
  #inbox;
  #me;
  #tell;
  #rows = new Map(); // id → {notice, open, row}
  #drawn = new Map(); // element → of what its children were made
  #unfolded = new Set(); // ids of notices whose body is shown whole
  #focused = 0; // which row had the focus last

  /** me() is who is signed in; tell(text) shows a sentence for a moment; onToggle(open) hears when the panel opens or closes. */
  constructor({ inbox, me, tell, onToggle }) {
    this.#inbox = inbox;
    this.#me = me;
    this.#tell = tell;
    $("inbox").addEventListener("toggle", ({ newState }) => {
      if (newState === "open") this.#opened();
      onToggle(newState === "open");
    });
    $("inbox-all-read").addEventListener("click", () => inbox.markAllRead());
    $("inbox-older").addEventListener("click", () => inbox.loadOlder());
    $("inbox-trouble")
      .querySelector("button")
      .addEventListener("click", () => inbox.load());
    for (const choice of $("inbox-states").children)
      choice.addEventListener("click", () => this.#choose({ state: choice.dataset.state }));
    $("inbox-scroll").addEventListener("scroll", () => this.#older(), { passive: true });
    document.addEventListener("visibilitychange", () => this.#see());
    setInterval(() => this.#tick(), tick);
  }

  get open() {
    return canOpen && $("inbox").matches(":popover-open");
  }

  close() {
    if (this.open) $("inbox").hidePopover();
  }

  #opened() {
    $("inbox-title").focus();
    $("inbox-scroll").scrollTop = 0;
    this.#unfolded.clear();
    this.#inbox.load();
  }

  #choose(filter) {
    $("inbox-scroll").scrollTop = 0;
    this.#inbox.choose(filter);
    this.draw();
    $("inbox-categories").querySelector("[aria-pressed=true]").scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  /** Shows the inbox as it is now, if the panel is open. */
  draw() {
    if (!this.open) return;
    this.#drawChoices();
    this.#drawRows();
    this.#drawState();
    this.#see();
    this.#older();
  }

  /** What is in sight has been seen. */
  #see() {
    if (this.open && !document.hidden && this.#inbox.phase === "ready") this.#inbox.see();
  }

  #older() {
    const { scrollHeight, scrollTop, clientHeight } = $("inbox-scroll");
    if (this.open && !this.#inbox.older && scrollHeight - scrollTop - clientHeight < nearEnd) this.#inbox.loadOlder();
  }

  #tick() {
    if (!this.open) return;
    for (const { notice, row } of this.#rows.values()) row.querySelector("time").replaceWith(agoOf(notice.time));
    this.#inbox.prune();
  }

  // ---- What is listed ----

  #drawChoices() {
    const { filter, counts, categories, notices } = this.#inbox;
    for (const choice of $("inbox-states").children)
      choice.setAttribute("aria-pressed", choice.dataset.state === filter.state);
    const names = [...new Set([...categories, ...(filter.category ? [filter.category] : [])])].sort((a, b) =>
      a.localeCompare(b),
    );
    const unreadOf = (name) => (name ? (counts?.categories[name]?.unread ?? 0) : (counts?.unread ?? 0));
    const chips = ["", ...names].map((name) => ({ name, unread: unreadOf(name), chosen: name === filter.category }));
    $("inbox-categories").hidden = names.length < 2;
    this.#renew($("inbox-categories"), chips, () => chips.map((chip) => this.#chip(chip)));
    $("inbox-all-read").hidden = filter.state === "archived" || !notices.length;
    $("inbox-all-read").disabled = unreadOf(filter.category) === 0;
    $("inbox-all-read").title = filter.category
      ? `Marks everything in ${filter.category} as read`
      : "Marks everything as read";
  }

  #chip({ name, unread, chosen }) {
    const label = element("bdi", "", name || "All categories");
    const chip = button("chip", label, () => this.#choose({ category: name }));
    chip.setAttribute("aria-pressed", chosen);
    chip.dataset.key = `category ${name}`;
    if (!unread) return chip;
    const count = element("span", "count", figure(unread));
    count.append(element("span", "unseen", " unread"));
    chip.append(" ", count);
    return chip;
  }

  /** Makes children anew if what they are made of has changed: what somebody is about to click stays in its place. */
  #renew(parent, from, make) {
    const key = JSON.stringify(from);
    if (this.#drawn.get(parent) === key) return;
    this.#drawn.set(parent, key);
    replace(parent, ...make());
  }

  // ---- The rows: those that have not changed stay as they are ----

  #drawRows() {
    const list = $("inbox-list");
    const active = list.contains(document.activeElement) ? document.activeElement : null;
    if (active) this.#focused = [...list.children].indexOf(active.closest("li"));
    const rows = new Map();
    for (const notice of this.#inbox.notices) rows.set(notice.id, this.#rowOf(notice));
    for (const [id, { row }] of this.#rows) if (rows.get(id)?.row !== row) row.remove();
    this.#rows = rows;
    let at = list.firstElementChild;
    for (const { row } of rows.values()) {
      if (row === at) at = at.nextElementSibling;
      else list.insertBefore(row, at);
    }
    if (active && !active.isConnected) this.#refocus(active.dataset.key);
  }

  #rowOf(notice) {
    const open = this.#unfolded.has(notice.id);
    const known = this.#rows.get(notice.id);
    const same =
      known && known.open === open && isUnread(known.notice) === isUnread(notice) && known.notice.time === notice.time;
    if (same) return known;
    return { notice, open, row: noticeRow(notice, open, this.#handle(notice)) };
  }

  /** Puts the focus where it was, or on what came into the place of its row. */
  #refocus(key) {
    const list = $("inbox-list");
    const same = [...list.querySelectorAll("[data-key]")].find((each) => each.dataset.key === key);
    const next = list.children[Math.min(this.#focused, list.childElementCount - 1)];
    (same ?? next?.querySelector(".main") ?? $("inbox-title")).focus();
  }

  #handle(notice) {
    const inbox = this.#inbox;
    const read = () => isUnread(notice) && inbox.mark(notice, "read");
    return {
      read,
      unread: () => inbox.mark(notice, "unread"),
      archive: () => inbox.mark(notice, "archived"),
      restore: () => inbox.mark(notice, "unread"),
      follow: (url) => {
        read();
        if (isHere(url)) this.close();
      },
      act: ({ label, data }) => {
        read();
        this.#tell(`“${label}” is for your application to handle${data === undefined ? "." : `: ${JSON.stringify(data)}`}`);
      },
      unfold: (open) => {
        if (open) this.#unfolded.add(notice.id);
        else this.#unfolded.delete(notice.id);
        this.#drawRows();
      },
    };
  }

  // ---- What is said in place of rows, and around them ----

  #drawState() {
    const { phase, notices, older, next, error, complaint } = this.#inbox;
    const empty = notices.length === 0;
    $("inbox").setAttribute("aria-busy", phase === "loading");
    const words = () => (empty ? this.#stateWords(phase) : []);
    this.#renew($("inbox-state"), [empty, phase, error, this.#inbox.filter], words);
    $("inbox-state").hidden = !empty;
    const stale = phase === "failed" && !empty ? `This list may be out of date. ${sentence(error)}` : "";
    const trouble = complaint ? `That was not saved. ${sentence(complaint)}` : stale;
    const [text, again] = $("inbox-trouble").children;
    if (text.textContent !== trouble) text.textContent = trouble;
    $("inbox-trouble").hidden = !trouble;
    again.hidden = Boolean(complaint);
    $("inbox-older").hidden = empty || !next;
    $("inbox-older").disabled = older === "loading";
    $("inbox-older").textContent = {
      "": "Show older ones",
      loading: "Loading…",
      failed: "Older ones could not be loaded. Try again",
    }[older];
  }

  #stateWords(phase) {
    const { filter, error } = this.#inbox;
    const { state, category } = filter;
    const say = (big, ...rest) => [element("p", "big", big), ...rest];
    if (phase === "loading") return [element("p", "", element("span", "dots"), "Loading…")];
    if (phase === "failed") {
      const again = button("", "Try again", () => this.#inbox.load());
      again.dataset.key = "again";
      return say("The list could not be loaded", element("p", "", sentence(error)), again);
    }
    const within = category ? [element("p", "", "In the category ", element("bdi", "", category), ".")] : [];
    if (state === "unread")
      return say(
        "All caught up",
        ...(within.length ? within : [element("p", "", "There is nothing that you have not read.")]),
      );
    if (state === "archived")
      return say(
        "Nothing archived",
        ...(within.length ? within : [element("p", "", "What you archive is kept here, out of the way.")]),
      );
    if (category) return say("Nothing here", ...within);
    const command = element("pre", "", element("code", "", publishing(this.#me().user)));
    const key = element("p", "quiet", "The server prints at its start which key to put into HUBBUB_API_KEY.");
    return say(
      "No news yet",
      element("p", "", "Notices from your backends come here. Publish the first one:"),
      command,
      key,
    );
  }
}

/** The command that publishes to a user of this server, as a shell takes it. */
function publishing(user) {
  const name = user.replaceAll("\\", "\\\\").replaceAll(",", "\\,"); // commas separate users
  const quoted = /^[\w.@:+-]+$/.test(name) ? name : `'${name.replaceAll("'", `'\\''`)}'`;
  const usual = location.protocol === "http:" && location.port === "8080";
  return `hubbub publish --user ${quoted} --title "Hello"${usual ? "" : ` \\\n  --url ${location.origin}`}`;
}
