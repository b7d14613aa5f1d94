// Signing in, and what the page shows after it was signed out.

import { $, element, sentence } from "./dom.js";
import { faultOf, ownDevice, pretend, remember, userFrom, usualNames } from "./identity.js";

/** Asks who somebody is, and calls enter({user, name, device, platform}). */
export class Door {
  #places = [];
  #entered = false;

  constructor(enter) {
    const field = $("name");
    field.addEventListener("input", () => field.setCustomValidity(""));
    $("door").addEventListener("close", () => this.#entered || this.open()); // nothing can be done without
    $("door")
      .querySelector("form")
      .addEventListener("submit", (event) => {
        event.preventDefault();
        field.setCustomValidity(faultOf(field.value));
        if (!field.reportValidity()) return;
        const { device, platform } = this.#places[$("device").selectedIndex];
        const who = { user: userFrom(field.value), name: field.value.trim(), device, platform };
        remember(who);
        this.#entered = true;
        $("door").close();
        enter(who);
      });
  }

  open() {
    if ($("door").open) return;
    const names = usualNames();
    $("names").replaceChildren(...names.map((name) => Object.assign(element("option"), { value: name })));
    this.#places = [{ device: ownDevice(), platform: "web" }, pretend("browser"), pretend("phone")];
    const labels = ["This browser", "As if another browser", "As if a phone"];
    $("device").replaceChildren(...this.#places.map(({ device }, i) => element("option", "", `${labels[i]} · ${device}`)));
    $("door").showModal();
    $("name").value = "";
    $("name").focus();
  }
}

/** Tells why the page was signed out, and how to come back: again() signs in here, other() asks who somebody is. */
export class Ended {
  constructor({ again, other }) {
    $("ended").querySelector("form").addEventListener("submit", again);
    $("ended-other").addEventListener("click", other);
  }

  show(why, me) {
    const { title, text, hint, again } = explain(why, me);
    $("ended-title").textContent = title;
    $("ended-text").replaceChildren(...text);
    $("ended-hint").textContent = hint;
    $("ended").querySelector("[type=submit]").textContent = again;
    if (!$("ended").open) $("ended").showModal();
    $("ended").querySelector("[type=submit]").focus();
  }

  close() {
    $("ended").close();
  }
}

const strong = (text) => element("strong", "", text);

function explain({ code, detail, by }, me) {
  const who = element("bdi", "", me.name);
  switch (code) {
    case 4501:
      return {
        title: "Signed in elsewhere",
        text: by
          ? [
              who,
              " has just signed in on the device ",
              strong(by.device),
              ` (${by.platform}), so this one, `,
              strong(me.device),
              ", was signed out.",
            ]
          : [who, " has just signed in on another device, so this one was signed out."],
        hint: "This server limits how many devices a person may use at a time. Signing in here again signs the other out.",
        again: "Sign in here again",
      };
    case 4502:
      return {
        title: "Signed out",
        text: ["This session of ", who, " was ended: from the list of devices on another one, or by a backend."],
        hint: "What you wrote is still there.",
        again: "Sign in again",
      };
    case 4503:
      return {
        title: "Not allowed",
        text: [sentence(detail || "The server does not let this session stay")],
        hint: "Perhaps there are too many devices: sign out on another one first.",
        again: "Try again",
      };
    case 4504:
      return {
        title: "Too many bad requests",
        text: ["The server has closed this connection, since too many requests in a row were wrong."],
        hint: "",
        again: "Connect again",
      };
  }
  return {
    title: "The server refused the connection",
    text: [sentence(detail || "It did not say why")],
    hint: "A plain GET of the same address found this out: WebSockets do not tell.",
    again: "Try again",
  };
}
