// The bell: its red dot and the list of news, as docs/protocol.md says under "The inbox".

import { $, ago, element, panel } from "./dom.js";
import { picture } from "./pictures.js";

const order = ["unseen", "seen", "read", "archived"];

export class Inbox {
  #hub;
  #notices = null; // what the list shows, the newest first; null until it was asked for
  #show;

  constructor(hub) {
    this.#hub = hub;
    this.#show = panel($("#bell"), $("#inbox"), () => this.#open());
    $("#read-all").addEventListener("click", () => this.#mark({ state: "read", all: true }));
  }

  /** Draws the red dot. counts is missing where the gateway has no store. */
  count(counts) {
    $("#bell").hidden = !counts;
    if (!counts) return;
    const dot = $("#bell .dot");
    dot.hidden = counts.unseen === 0;
    dot.textContent = counts.unseen > 9 ? "9+" : counts.unseen;
    $("#bell").setAttribute("aria-label", counts.unseen ? `News: ${counts.unseen} new` : "News");
    $("#read-all").hidden = counts.unread === 0;
    document.title = counts.unseen ? `(${counts.unseen}) Kiln & Thread` : "Kiln & Thread";
    if (this.#opened) this.#open(); // also after a lost connection
  }

  add(notice) {
    if (!this.#notices) return;
    this.#notices = [notice, ...this.#notices.filter((n) => n.id !== notice.id && !(n.collapse && n.collapse === notice.collapse))];
    this.#draw();
  }

  remove(id) {
    this.#notices = this.#notices?.filter((n) => n.id !== id) ?? null;
    this.#draw();
  }

  marked({ state, ids, category, until = Infinity }) {
    if (!this.#notices) return;
    const meant = (n) => (ids ? ids.includes(n.id) : (!category || n.category === category) && n.time <= until);
    for (const n of this.#notices.filter(meant)) {
      if (state !== "unread") n.state = order[Math.max(order.indexOf(state), order.indexOf(n.state))];
    }
    this.#draw();
  }

  get #opened() {
    return !$("#inbox").hidden;
  }

  /** Asks for the list, and says that it was seen, which puts the dot out in every window. */
  async #open() {
    const { notices } = await this.#hub.call("inbox.list", { limit: 30 });
    this.#notices = notices;
    this.#draw();
    if (notices.some((n) => n.state === "unseen")) this.#mark({ state: "seen", all: true, until: notices[0].time });
  }

  #mark(mark) {
    return this.#hub.call("inbox.mark", mark);
  }

  #draw() {
    const shown = this.#notices ?? [];
    $("#inbox .nothing").hidden = shown.length > 0;
    $("#inbox ul").replaceChildren(...shown.map((n) => element("li", { class: n.state },
      element("a", { href: n.link ?? "#", onclick: () => this.#read(n) },
        picture(n.data?.product),
        element("span", { class: "what" }, element("b", {}, n.title), element("span", {}, n.body ?? ""),
          element("time", { class: "quiet", datetime: new Date(n.time).toISOString() }, ago(n.time)))))));
  }

  #read(notice) {
    this.#show(false);
    if (notice.state !== "read") this.#mark({ state: "read", ids: [notice.id] });
  }
}
