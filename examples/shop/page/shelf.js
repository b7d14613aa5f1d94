// The home page: one combined call brings all of it, and each part says for itself how it went.

import { $, element, price, toast } from "./dom.js";
import { picture } from "./pictures.js";
import { Detail } from "./detail.js";

const categories = { ceramics: "Ceramics", textiles: "Textiles", light: "Light", paper: "Paper" };
const again = 5_000; // ms until a part that failed is asked for again

export class Shelf {
  #hub;
  #detail;
  #goods = new Map(); // id → product
  #fresh = new Set(); // what came while we looked
  #forYou = null; // {follows, picks}, or null while that service is away
  #only = ""; // the category that is shown, "" for all
  #timer = 0;
  #turn = 0;

  constructor(hub) {
    this.#hub = hub;
    this.#detail = new Detail(hub, (id) => this.#buy(id));
    $("#closed button").addEventListener("click", () => this.load());
    $("#for-you .content").append(...Array.from({ length: 3 }, () => element("div", { class: "pick skeleton" })));
    $("#goods").append(...Array.from({ length: 8 }, () => element("div", { class: "card skeleton" })));
  }

  /** Asks for the page. The call fails only if the shelf itself, its required part, cannot be had. */
  async load() {
    clearTimeout(this.#timer);
    const turn = ++this.#turn;
    let home;
    try {
      home = await this.#hub.get("home");
    } catch {
      if (turn === this.#turn) this.#closed();
      return;
    }
    if (turn !== this.#turn) return; // a later call is under way
    this.#goods = new Map(home.shelf.data.map((p) => [p.id, p]));
    this.#forYou = home.for_you.status === 200 ? home.for_you.data : null;
    this.#draw();
    this.#detail.shown(this.#goods);
    if (!this.#forYou) this.#timer = setTimeout(() => this.load(), again);
  }

  /** A service has said that something on the shelf is new or different. */
  changed({ listed, changed }) {
    const product = listed ?? changed;
    if (!product) return;
    this.#goods.set(product.id, product);
    if (listed) this.#fresh.add(product.id);
    this.#draw();
    this.#detail.shown(this.#goods);
  }

  #closed() {
    this.#timer = setTimeout(() => this.load(), again);
    if (this.#goods.size > 0) return; // what is shown is better than nothing
    for (const id of ["#for-you", "#shelf"]) $(id).hidden = true;
    $("#closed").hidden = false;
  }

  #draw() {
    $("#closed").hidden = true;
    for (const id of ["#for-you", "#shelf"]) $(id).hidden = false;
    $("#categories").replaceChildren(this.#tab("", "Everything"), ...Object.entries(categories).map(([id, name]) => this.#tab(id, name)));
    this.#drawGoods();
    this.#drawForYou();
  }

  #tab(id, name) {
    const follows = this.#forYou?.follows.includes(id);
    const follow = id && element("button", {
      class: "follow", "aria-pressed": follows ?? false, disabled: !this.#forYou, "data-follow": id,
      title: this.#forYou ? "" : "Following is away for a moment",
      "aria-label": follows ? `Stop following ${name}` : `Follow ${name}`,
      onclick: () => this.#follow(id, !follows),
    }, follows ? "Following" : "Follow");
    return element("span", { class: "tab" }, element("button", {
      "aria-pressed": this.#only === id, onclick: () => { this.#only = id; this.#draw(); },
    }, name), follow || null);
  }

  #drawGoods() {
    const shown = [...this.#goods.values()].filter((p) => !this.#only || p.category === this.#only).sort((a, b) => b.listed - a.listed);
    const old = new Map([...$("#goods").children].map((card) => [card.dataset.id, card]));
    $("#goods").replaceChildren(...shown.map((p) => {
      const card = this.#card(p);
      if (old.has(p.id)) card.classList.add("still-there"); // only what is new moves
      return card;
    }));
    if (shown.length > 0) return;
    $("#goods").append(element("div", { class: "nothing" }, picture(""),
      element("p", {}, element("b", {}, this.#only ? `Nothing in ${categories[this.#only]} today` : "The shelf is empty today")),
      element("p", { class: "quiet" }, "New pieces appear here as soon as they are put on the shelf.")));
  }

  #card(p) {
    return element("article", { class: "card", "data-id": p.id },
      element("a", { class: "open", href: `#${p.id}`, "aria-label": p.name }, picture(p.id),
        this.#fresh.has(p.id) ? element("span", { class: "badge" }, "Just in") : null),
      element("div", { class: "about" },
        element("h3", {}, element("a", { href: `#${p.id}` }, p.name)),
        element("p", { class: "quiet" }, categories[p.category] ?? p.category, stock(p)),
        element("div", { class: "buy" }, element("b", {}, price(p.price)),
          element("button", { disabled: p.stock === 0, "aria-label": `Buy ${p.name}`, onclick: () => this.#buy(p.id) }, "Buy"))));
  }

  #drawForYou() {
    if (!this.#forYou) {
      $("#for-you .content").replaceChildren(element("div", { class: "away" },
        element("span", { class: "leaf", "aria-hidden": "true" }),
        element("p", {}, element("b", {}, "Our recommendations are on a break. "), "Everything on the shelf is here as always, and they will be back in a moment."),
        element("button", { onclick: () => this.load() }, "Try again")));
      return;
    }
    const picks = this.#forYou.picks.filter(({ id }) => this.#goods.has(id));
    $("#for-you .content").replaceChildren(...picks.map(({ id, why }) => {
      const p = this.#goods.get(id);
      return element("a", { class: "pick", href: `#${id}` }, picture(id),
        element("span", {}, element("b", {}, p.name), element("span", {}, why), element("span", { class: "quiet" }, price(p.price))));
    }));
    $("#for-you").hidden = picks.length === 0;
  }

  async #follow(category, follow) {
    try {
      this.#forYou = { ...this.#forYou, ...await this.#hub.call("bff.follow", { category, follow }) };
      if (follow) toast(`We tell you when something new is in ${categories[category]}.`);
      this.load(); // other recommendations
    } catch {
      toast("That did not work just now. Please try again in a moment.", "bad");
    }
  }

  async #buy(id) {
    try {
      const { sold, product } = await this.#hub.call("bff.buy", { id });
      toast(sold ? `Wrapped and yours: ${product.name}.` : "Somebody was faster: it is sold out.", sold ? "good" : "bad");
      this.changed({ changed: product });
    } catch {
      toast("That did not go through, and nothing was bought. Please try again.", "bad");
    }
  }
}

/** How many there are, if that matters. */
export function stock({ stock }) {
  if (stock > 5) return null;
  return element("span", { class: stock ? "few" : "none" }, stock ? `Only ${stock} left` : "Sold out");
}
