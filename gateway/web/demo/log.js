// The messages of the stream that is shown, who came and went, and what is still on its way. Everything that people
// wrote is shown as text, never as markup.

import { $, button, element, faceOf, icon, listed, nameOf, nameText, replace, sentence, timeOf } from "./dom.js";

const together = 5 * 60_000; // ms within which messages of one person share a head
const onlyEmoji = /^(?:\p{Extended_Pictographic}[\p{Emoji_Modifier}\u200d\ufe0f]*){1,5}$/u;
const server = { user: "server", info: { name: "Server" } }; // who writes where no person does

/** What a message says: the text of this chat's own messages, anything else as JSON. */
export function textOf({ data }) {
  return typeof data?.text === "string" ? data.text : JSON.stringify(data);
}

export class Log {
  #me;
  #presence;
  #stream = null;
  #last = null; // the latest message shown
  #events = null; // the line that tells who came and went, while it is the latest row
  #atEnd = true;
  #onEnd;

  /** onEnd() is told when the end of the messages comes into sight. */
  constructor(onEnd) {
    this.#onEnd = onEnd;
    $("scroll").addEventListener("scroll", () => this.#noticeScroll(), { passive: true });
    $("newest").addEventListener("click", () => this.toEnd());
    $("earlier").addEventListener("click", () => this.#stream?.earlier());
    new ResizeObserver(() => this.#follow()).observe($("scroll"));
  }

  get atEnd() {
    return this.#atEnd;
  }

  /** Shows another stream. presence knows how people are called. */
  show(stream, me, presence) {
    this.#stream = stream;
    this.#me = me;
    this.#presence = presence;
    this.#atEnd = true;
    this.#draw();
    this.outbox();
    this.#follow();
  }

  /** Shows all of the stream's messages anew; lost says that there were others before, which the server no longer has. */
  reset(lost) {
    this.#draw();
    if (lost) $("messages").prepend(element("li", "divider", "What was here before is no longer kept by the server."));
    this.toEnd();
  }

  /** Shows earlier messages above, and keeps in place what was in sight. */
  prepend() {
    const scroll = $("scroll");
    const fromEnd = scroll.scrollHeight - scroll.scrollTop;
    this.#draw();
    scroll.scrollTop = scroll.scrollHeight - fromEnd;
  }

  #draw() {
    const live = $("messages").parentElement;
    live.setAttribute("aria-live", "off"); // what was said before is not read out
    this.#last = this.#events = null;
    $("messages").replaceChildren();
    for (const message of this.#stream.messages) this.#add(message);
    this.#edges();
    this.receipts();
    requestAnimationFrame(() => live.setAttribute("aria-live", "polite"));
  }

  /** Shows one more message. */
  append(message) {
    this.#add(message);
    this.#events = null;
    this.receipts();
    this.#follow();
    this.#edges();
    $("newest").hidden = this.#atEnd;
  }

  #add(message) {
    $("messages").append(this.#row(message));
    this.#last = message;
    while ($("messages").childElementCount > 1.5 * Math.max(1_000, this.#stream.messages.length))
      $("messages").firstElementChild.remove();
  }

  #edges() {
    const stream = this.#stream;
    $("earlier").hidden = !stream.more || !stream.loaded;
    $("empty").hidden = !stream.loaded || Boolean(stream.error) || stream.messages.length + stream.outbox.length > 0;
  }

  #row(message) {
    const from = message.from ?? server;
    const mine = from.user === this.#me;
    const last = this.#last;
    const head = !last || this.#events || (last.from ?? server).user !== from.user || message.time - last.time > together;
    const words = textOf(message);
    const text = element("p", onlyEmoji.test(words) ? "text emoji" : "text", words);
    text.dir = "auto";
    const row = element("li", `message ${mine ? "mine" : "theirs"}${head ? " first" : ""}`);
    row.dataset.id = message.id;
    const by = element("p", head ? "from" : "from unseen", nameOf(from), " ", timeOf(message.time));
    if (message.from?.device) by.title = `from the device ${message.from.device}`;
    row.append(by, element("div", "bubble", text));
    if (mine) row.lastElementChild.append(element("span", "tick", icon("sent")));
    if (!mine && head) row.prepend(faceOf(from));
    return row;
  }

  /** Shows by ticks who has read what oneself has written, and names them below the latest. */
  receipts() {
    const rows = new Map([...$("messages").querySelectorAll(".mine")].map((row) => [row.dataset.id, row]));
    let latest = null;
    for (const message of this.#stream.messages) {
      const row = rows.get(message.id);
      if (!row) continue;
      const seen = this.#stream.seenBy(message);
      latest = { message, seen };
      if (row.classList.contains("seen") === seen.length > 0) continue;
      row.classList.toggle("seen", seen.length > 0);
      row.querySelector(".tick").replaceChildren(icon(seen.length ? "seen" : "sent"));
    }
    const shown = latest && latest.message === this.#stream.messages.at(-1) && latest.seen.length > 0;
    $("seen").hidden = !shown;
    if (!shown) return;
    const people = latest.seen.map((user) => this.#presence.of(user));
    $("seen").replaceChildren(...(this.#stream.kind === "user" ? ["Seen"] : ["Seen by ", ...listed(people)]));
    this.#follow();
  }

  /** Tells that somebody came or went. Lines that follow each other become one; who is back at once is not mentioned. */
  tell(came, person) {
    if (!this.#events) {
      this.#events = { people: new Map(), line: element("li", "event") };
      $("messages").append(this.#events.line);
    }
    const { people, line } = this.#events;
    const was = people.get(person.user)?.was ?? !came;
    people.set(person.user, { was, is: came, person });
    const all = [...people.values()];
    const phrase = (which, words) => {
      const them = all.filter(which).map((each) => each.person);
      return them.length ? [element("span", "", ...listed(them), words)] : [];
    };
    line.replaceChildren(
      ...phrase((each) => each.is && !each.was, " joined"),
      ...phrase((each) => !each.is && !each.was, " joined and left"),
      ...phrase((each) => !each.is && each.was, " left"),
    );
    line.hidden = line.childElementCount === 0;
    this.#follow();
  }

  /** Shows the texts that are on their way, and those that could not be sent. */
  outbox() {
    const stream = this.#stream;
    const rows = stream.outbox.map((item) => {
      const text = element("p", "text", item.text);
      text.dir = "auto";
      const bubble = element("div", "bubble", text, element("span", "tick", icon("wait")));
      const row = element("li", `message mine first${item.why ? " failed" : " pending"}`, bubble);
      if (!item.why) return row;
      const again = button("", "Send again", () => stream.discard(item, true));
      const discard = button("", "Discard", () => stream.discard(item));
      row.append(element("p", "why", sentence(item.why), " ", again, " ", discard));
      return row;
    });
    const grew = rows.length > $("outbox").childElementCount;
    replace($("outbox"), ...rows);
    this.#edges();
    if (grew) this.toEnd();
    else this.#follow();
  }

  /** Says who is typing. */
  typing() {
    const people = [...this.#stream.typing.values()].map(({ person }) => person);
    const verb = people.length === 1 ? " is typing…" : " are typing…";
    $("typing").replaceChildren(...(people.length ? [element("span", "dots"), ...listed(people, 2), verb] : []));
  }

  toEnd() {
    this.#atEnd = true;
    this.#follow();
  }

  #follow() {
    if (!this.#atEnd) return;
    $("scroll").scrollTop = $("scroll").scrollHeight;
    $("newest").hidden = true;
  }

  #noticeScroll() {
    const { scrollTop, scrollHeight, clientHeight } = $("scroll");
    this.#atEnd = scrollHeight - scrollTop - clientHeight < 40;
    if (scrollTop < 40 && scrollHeight > clientHeight) this.#stream?.earlier();
    if (!this.#atEnd) return;
    $("newest").hidden = true;
    this.#onEnd();
  }
}

/** What the list says about a stream: who said what last. */
export function preview({ last, kind, typing }, me) {
  if (typing.size) return "typing…";
  if (!last) return "";
  const text = textOf(last).replace(/\s+/g, " ").slice(0, 120);
  if (last.from?.user === me) return `You: ${text}`;
  return kind === "room" ? `${nameText(last.from ?? server)}: ${text}` : text;
}
