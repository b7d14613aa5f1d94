// The bell with its red dot, and what else says that there are news: the page's icon, and a message while the panel is
// closed.

import { $, button, element, figure } from "./dom.js";

export class Bell {
  #bells = [...document.querySelectorAll(".bell")]; // one in each head that a narrow screen shows alone
  #icon = document.querySelector("link[rel=icon]");
  #toasts;
  #rung = ""; // the newest notice that was told of

  constructor(toasts) {
    this.#toasts = toasts;
  }

  /** Shows the inbox as it is now; open says whether its panel is. */
  draw({ counts, fresh }, open) {
    const unseen = counts?.unseen ?? 0;
    for (const bell of this.#bells) {
      bell.hidden = !counts;
      bell.setAttribute("aria-expanded", open);
      bell.setAttribute("aria-label", unseen ? `Inbox, ${unseen} new` : "Inbox");
      const dot = bell.querySelector(".dot");
      dot.hidden = unseen === 0;
      dot.textContent = figure(unseen);
    }
    const picture = unseen ? "demo/icon-dot.svg" : "demo/icon.svg";
    if (this.#icon.getAttribute("href") !== picture) this.#icon.href = picture;
    this.#tellOf(open ? [] : fresh);
  }

  /** Tells of what has come, in one message however many they are. */
  #tellOf(fresh) {
    const newest = fresh[0];
    const key = newest ? `${newest.id} ${fresh.length}` : "";
    if (key === this.#rung) return;
    const more = newest && newest.id !== this.#rung.split(" ")[0];
    this.#rung = key;
    if (!newest) return this.#toasts.drop("inbox");
    this.#toasts.show("inbox", [
      element("span", "words", element("bdi", "name", newest.title), element("span", "", detail(newest, fresh.length - 1))),
      button("", "Show", () => this.show()),
    ]);
    if (more) for (const bell of this.#bells) ring(bell);
  }

  /** Opens the panel, so that closing it leads back to the bell. */
  show() {
    this.#bells.find((bell) => bell.checkVisibility())?.focus();
    $("inbox").showPopover();
  }
}

function detail({ body, category }, others) {
  if (others > 0) return `and ${others} other new ${others === 1 ? "notice" : "notices"}`;
  return body ? body.replace(/\s+/g, " ").slice(0, 120) : category;
}

/** Swings the bell once more. */
function ring(bell) {
  bell.classList.remove("ringing");
  void bell.offsetWidth; // so that the animation begins anew
  bell.classList.add("ringing");
}
