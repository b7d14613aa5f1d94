// The dialog that asks which room to join or whom to write to.

import { $, element, faceOf, nameOf } from "./dom.js";
import { faultOf, nameFrom, userFrom } from "./identity.js";

const words = {
  room: {
    title: "Join a room",
    text: "A room is there as soon as somebody joins it. Everybody who knows its name can come in.",
    label: "Name of the room",
    submit: "Join",
  },
  user: {
    title: "Write to somebody",
    text: "Nobody else sees it. Who is away finds it on coming back.",
    label: "Their name",
    submit: "Write",
  },
};

/** Start asks for a name and goes to the stream's address: #room=name or #user=name. */
export class Start {
  #kind = "room";
  #asked = 0;

  constructor() {
    const field = $("start-name");
    field.addEventListener("input", () => field.setCustomValidity(""));
    $("start")
      .querySelector("[value=cancel]")
      .addEventListener("click", () => $("start").close());
    $("start")
      .querySelector("form")
      .addEventListener("submit", (event) => {
        event.preventDefault();
        field.setCustomValidity(faultOf(field.value));
        if (field.reportValidity()) this.#go(this.#kind === "room" ? nameFrom(field.value) : userFrom(field.value));
      });
  }

  #go(name) {
    $("start").close();
    location.hash = `${this.#kind}=${encodeURIComponent(name)}`;
  }

  /** Opens for a "room" or a "user". people is a promise of those who could be meant. */
  async open(kind, people) {
    this.#kind = kind;
    const asked = ++this.#asked;
    const { title, text, label, submit } = words[kind];
    $("start-title").textContent = title;
    $("start-text").textContent = text;
    $("start").querySelector("label").htmlFor = "start-name";
    $("start").querySelector("label").textContent = label;
    $("start").querySelector("[type=submit]").textContent = submit;
    $("start-list").replaceChildren();
    $("start-name").value = "";
    $("start-name").setCustomValidity("");
    $("start").showModal();
    $("start-name").focus();
    const known = await people;
    if (asked === this.#asked && known.length)
      $("start-list").replaceChildren(...known.map((person) => this.#offer(person)));
  }

  #offer(person) {
    const button = element("button", "person", faceOf(person), nameOf(person));
    button.type = "button";
    button.addEventListener("click", () => this.#go(person.user));
    return element("li", "", button);
  }
}
