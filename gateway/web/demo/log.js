// The conversation: messages, who came and went, and what is still on its way. Everything that people wrote is shown as
// text, never as markup.

import { faceOf, nameOf } from "./people.js";

const mostRows = 500; // older rows are dropped
const together = 5 * 60_000; // ms within which messages of one person share a head
const namesShown = 3; // in one line about who came and went

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const calendar = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });
const onlyEmoji = /^(?:\p{Extended_Pictographic}[\p{Emoji_Modifier}\u200d\ufe0f]*){1,5}$/u;

function element(tag, className, ...children) {
  const made = document.createElement(tag);
  made.className = className;
  made.append(...children);
  return made;
}

export class Log {
  #scroll;
  #live; // what screen readers read out
  #messages;
  #outbox;
  #newest;
  #empty;
  #me = "";
  #last = null; // the latest message shown
  #events = null; // the line that tells who came and went, while it is the latest row
  #unconfirmed = new Map(); // id → row of the outbox
  #atEnd = true;

  constructor({ scroll, messages, outbox, newest, empty }) {
    this.#scroll = scroll;
    this.#live = messages.parentElement;
    this.#messages = messages;
    this.#outbox = outbox;
    this.#newest = newest;
    this.#empty = empty;
    scroll.addEventListener("scroll", () => this.#noticeScroll(), { passive: true });
    newest.addEventListener("click", () => this.toEnd());
    new ResizeObserver(() => this.#follow()).observe(scroll);
  }

  /** Shows what was said lately, without what is here already, and says where something is missing. */
  join(me, { messages, position, more }) {
    this.#me = me;
    this.#live.setAttribute("aria-busy", "true");
    const before = this.#last?.position;
    if (before && before.epoch !== position.epoch) {
      this.#divide("The server was started anew. What is above is kept on this page only.");
      this.#last = null;
    } else if (before && messages.length && messages[0].position.offset > before.offset + 1) {
      this.#divide("Some messages were missed.");
    } else if (!before && more) {
      this.#divide("Earlier messages are not kept.");
    }
    for (const message of messages) this.add(message);
    for (const row of this.#unconfirmed.values()) row.fail("The server no longer has this message.");
    this.#unconfirmed.clear();
    this.#live.removeAttribute("aria-busy");
    this.#empty.hidden = this.#messages.childElementCount + this.#outbox.childElementCount > 0;
  }

  /** Shows a message, once. */
  add(message) {
    const { epoch, offset } = message.position;
    if (this.#last?.position.epoch === epoch && offset <= this.#last.position.offset) return;
    this.#unconfirmed.get(message.id)?.remove();
    this.#unconfirmed.delete(message.id);
    this.#append(this.#row(message));
    this.#last = message;
    this.#events = null;
  }

  /** Tells that somebody came or went. Lines that follow each other become one; who is back at once is not mentioned. */
  tell(what, person, before) {
    if (!this.#events) {
      this.#events = { people: new Map(), line: element("li", "event") };
      this.#append(this.#events.line);
    }
    const { people, line } = this.#events;
    const known = people.get(person.user);
    const was = known ? known.was : what === "left" ? person : before;
    people.set(person.user, { was, is: what === "left" ? null : person, person });
    line.replaceChildren(...sentences(people.values()));
    line.hidden = line.childElementCount === 0;
    this.#follow();
  }

  /** Shows a text that is on its way. The returned row is told what became of it. */
  pending(text, again) {
    const body = element("p", "text", text);
    body.dir = "auto";
    const row = element("li", "message mine head pending", element("div", "bubble", body));
    row.confirm = (id) => this.#unconfirmed.set(id, row);
    row.fail = (why) => {
      row.classList.add("failed");
      const act = (label, after) => {
        const button = element("button", "", label);
        button.type = "button";
        button.addEventListener("click", () => {
          row.remove();
          after();
        });
        return button;
      };
      row.append(element("p", "why", why, " ", act("Send again", again), " ", act("Discard", () => {})));
      this.#follow();
    };
    this.#outbox.append(row);
    this.#empty.hidden = true;
    this.toEnd();
    return row;
  }

  toEnd() {
    this.#atEnd = true;
    this.#follow();
  }

  #row(message) {
    const mine = message.from.user === this.#me;
    const last = this.#last;
    const head = !last || this.#events || last.from.user !== message.from.user || last.from.info.name !==
      message.from.info.name || message.time - last.time > together;
    const text = element("p", onlyEmoji.test(message.data.text) ? "text emoji" : "text", message.data.text);
    text.dir = "auto";
    const time = element("time", "", clock.format(message.time));
    time.dateTime = new Date(message.time).toISOString();
    time.title = calendar.format(message.time);
    const row = element("li", `message ${mine ? "mine" : "theirs"}${head ? " head" : ""}`);
    row.dataset.id = message.id;
    const from = element("p", "from", nameOf(message.from), " ", time);
    if (!head) from.classList.add("unseen");
    row.append(from, element("div", "bubble", text));
    if (!mine && head) row.prepend(faceOf(message.from));
    return row;
  }

  #divide(text) {
    this.#events = null;
    this.#append(element("li", "divider", text));
  }

  #append(row) {
    this.#empty.hidden = true;
    this.#messages.append(row);
    while (this.#messages.childElementCount > mostRows) this.#messages.firstElementChild.remove();
    this.#newest.hidden = this.#atEnd;
    this.#follow();
  }

  #follow() {
    if (!this.#atEnd) return;
    this.#scroll.scrollTop = this.#scroll.scrollHeight;
    this.#newest.hidden = true;
  }

  #noticeScroll() {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroll;
    this.#atEnd = scrollHeight - scrollTop - clientHeight < 40;
    if (this.#atEnd) this.#newest.hidden = true;
  }
}

/** "Ann and Bob joined", "Cid left", "Dan is now Dana": one element each. */
function sentences(changes) {
  const came = [];
  const went = [];
  const passed = [];
  const made = [];
  for (const { was, is, person } of changes) {
    if (is && !was) came.push(is);
    if (was && !is) went.push(was);
    if (!was && !is) passed.push(person);
    if (was && is && was.info.name !== is.info.name) {
      made.push(element("span", "", nameOf(was), " is now ", nameOf(is)));
    }
  }
  if (came.length) made.unshift(element("span", "", ...names(came), " joined"));
  if (passed.length) made.push(element("span", "", ...names(passed), " joined and left"));
  if (went.length) made.push(element("span", "", ...names(went), " left"));
  return made;
}

function names(people) {
  const shown = people.slice(0, people.length > namesShown + 1 ? namesShown : people.length).map(nameOf);
  if (shown.length < people.length) shown.push(`${people.length - shown.length} others`);
  return shown.flatMap((name, i) => {
    if (i === 0) return [name];
    return [i === shown.length - 1 ? " and " : ", ", name];
  });
}
