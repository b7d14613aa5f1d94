// Messages that come up for a moment. They are read out politely, and each can be closed.

import { $, button, element, icon } from "./dom.js";

const life = 12_000; // ms

export class Toasts {
  #shown = new Map(); // key → {box, timer}
  #count = 0;

  /** Shows a sentence. */
  say(text) {
    this.show(`said ${++this.#count}`, [element("span", "words", element("span", "", text))]);
  }

  /** Shows children, in place of what is shown with the same key. */
  show(key, children) {
    const close = button("round", icon("close"), () => this.drop(key));
    close.setAttribute("aria-label", "Close");
    const box = element("div", "toast", ...children, close);
    const old = this.#shown.get(key);
    clearTimeout(old?.timer);
    if (old) old.box.replaceWith(box);
    else $("toasts").append(box);
    this.#shown.set(key, { box, timer: setTimeout(() => this.drop(key), life) });
  }

  drop(key) {
    const shown = this.#shown.get(key);
    clearTimeout(shown?.timer);
    shown?.box.remove();
    this.#shown.delete(key);
  }
}
