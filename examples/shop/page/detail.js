// One product in a dialog, opened by its name behind the # of the address: another combined call, in which one part needs the other.

import { $, element, price } from "./dom.js";
import { picture } from "./pictures.js";
import { stock } from "./shelf.js";

export class Detail {
  #hub;
  #buy;
  #goods = new Map();
  #picks = ""; // the product whose picks are shown, or asked for

  constructor(hub, buy) {
    this.#hub = hub;
    this.#buy = buy;
    addEventListener("hashchange", () => this.#follow());
    const dialog = $("#product");
    dialog.addEventListener("close", () => {
      if (location.hash) history.pushState(null, "", location.pathname);
      this.#picks = "";
    });
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  }

  /** These are the goods now; what is open is drawn again. */
  shown(goods) {
    this.#goods = goods;
    this.#follow();
  }

  #follow() {
    const dialog = $("#product");
    const product = this.#goods.get(decodeURIComponent(location.hash.slice(1)));
    if (!product) {
      if (dialog.open) dialog.close();
      return;
    }
    const picks = this.#picks === product.id ? $(".picks", dialog) : element("div", { class: "picks" });
    dialog.replaceChildren(
      element("button", { class: "close round", "aria-label": "Close", onclick: () => dialog.close() }, "✕"),
      picture(product.id),
      element("div", { class: "about" },
        element("h2", { id: "product-name" }, product.name),
        element("p", {}, product.blurb),
        element("div", { class: "buy" }, element("b", {}, price(product.price)), stock(product),
          element("button", { class: "primary", disabled: product.stock === 0, onclick: () => this.#buy(product.id) }, "Buy"))),
      picks);
    if (!dialog.open) dialog.showModal();
    if (this.#picks !== product.id) this.#ask(product.id, picks);
  }

  async #ask(id, box) {
    this.#picks = id;
    box.replaceChildren(element("h3", {}, "Goes well with"), element("div", { class: "pick skeleton" }));
    const { picks } = await this.#hub.get("product", { id }).catch(() => ({ picks: { status: 503 } }));
    const found = picks.status === 200 ? picks.data.filter((p) => this.#goods.has(p.id)) : [];
    const shown = found.map((p) => element("a", { class: "pick small", href: `#${p.id}` }, picture(p.id),
      element("span", {}, element("b", {}, this.#goods.get(p.id).name), element("span", {}, p.why))));
    const away = element("p", { class: "quiet" }, "Our recommendations are on a break.");
    box.replaceChildren(element("h3", {}, "Goes well with"), ...(picks.status === 200 ? shown : [away]));
    box.hidden = picks.status === 200 && shown.length === 0;
  }
}
