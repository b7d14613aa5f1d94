// What goes over the wire: the latest frames, and a field to send one's own. For people who want to write a client.

import { $, element } from "./dom.js";

const mostFrames = 100;
const mostShown = 4_000; // characters of a frame

const clock = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
});

export class Wire {
  #frames = []; // {direction, text, at}

  /** write(text) sends a frame, and returns whether there is a connection. */
  constructor(write) {
    $("wire-toggle").addEventListener("click", () => this.#unfold($("wire").hidden));
    $("wire-close").addEventListener("click", () => this.#unfold(false));
    $("wire").addEventListener("keydown", (event) => event.key === "Escape" && this.#unfold(false));
    $("wire")
      .querySelector("form")
      .addEventListener("submit", (event) => {
        event.preventDefault();
        if (!write($("raw").value)) this.note("", "There is no connection.");
      });
  }

  #unfold(open) {
    $("wire").hidden = !open;
    $("wire-toggle").setAttribute("aria-expanded", open);
    if (!open) return $("wire-toggle").focus();
    $("frames").replaceChildren(...this.#frames.map(row));
    $("frames").scrollTop = $("frames").scrollHeight;
    $("frames").focus();
  }

  /** Takes a frame; direction is "out", "in", or "" for what is none. */
  note(direction, text) {
    const frame = { direction, text, at: Date.now() };
    this.#frames.push(frame);
    if (this.#frames.length > mostFrames) this.#frames.shift();
    if ($("wire").hidden) return;
    const list = $("frames");
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 30;
    list.append(row(frame));
    while (list.childElementCount > mostFrames) list.firstElementChild.remove();
    if (atEnd) list.scrollTop = list.scrollHeight;
  }
}

function row({ direction, text, at }) {
  const arrow = element("span", "arrow", { out: "↑", in: "↓" }[direction] ?? "·");
  arrow.append(element("span", "unseen", { out: "sent", in: "received" }[direction] ?? ""));
  const shown = text.length > mostShown ? `${text.slice(0, mostShown)}… (${text.length} characters)` : text;
  return element("li", direction, element("time", "", clock.format(at)), arrow, element("code", "", shown));
}
