// Who is in the shop now: the room's presence, with names.

import { $, element, face, panel } from "./dom.js";

export class People {
  #me;
  #names = new Map(); // user → name
  #count = 0; // of all, also those whose names are not here

  constructor(me) {
    this.#me = me;
    panel($("#people-button"), $("#people"));
  }

  show({ users, count }) {
    this.#names = new Map(users.map(({ user, info }) => [user, info?.name ?? user]));
    this.#count = count;
    this.#draw();
  }

  came({ user, info, count }) {
    this.#names.set(user, info?.name ?? user);
    this.#count = count;
    this.#draw();
  }

  left({ user, count }) {
    this.#names.delete(user);
    this.#count = count;
    this.#draw();
  }

  /** Nobody knows while there is no connection. */
  away() {
    $("#count").textContent = "Connecting…";
    $(".faces").replaceChildren();
  }

  #draw() {
    const everybody = [...this.#names].sort(([a, first], [b, second]) =>
      (b === this.#me.user) - (a === this.#me.user) || first.localeCompare(second));
    $("#count").textContent = this.#count === 1 ? "Just you here" : `${this.#count} here now`;
    $(".faces").replaceChildren(...everybody.slice(0, 3).map(([user, name]) => face(name, user)));
    $("#people ul").replaceChildren(...everybody.map(([user, name]) =>
      element("li", {}, face(name, user), element("span", { class: "name" }, name),
        user === this.#me.user ? element("span", { class: "quiet" }, "you") : null)));
    const hidden = this.#count - this.#names.size;
    if (hidden > 0) $("#people ul").append(element("li", { class: "quiet" }, `and ${hidden} more`));
    $("#people > p").hidden = this.#count > 1;
  }
}
