// The state of the connection in words: beside the name of the page, and above the composer when something is wrong.

import { $, sentence } from "./dom.js";

export class Trouble {
  #now = { phase: "none" };
  #error = "";

  /** retry() connects now. */
  constructor(retry) {
    $("trouble").lastElementChild.addEventListener("click", retry);
    window.addEventListener("offline", () => this.show(this.#now));
    window.addEventListener("online", () => this.show(this.#now));
    setInterval(() => this.#now.phase === "waiting" && this.#say(), 500);
  }

  get phase() {
    return this.#now.phase;
  }

  /** Shows a phase of the connection. */
  show(now) {
    this.#now = now;
    const label = labelOf(now);
    if ($("state").textContent !== label) $("state").textContent = label;
    $("state").dataset.phase = now.phase === "connecting" && now.again ? "waiting" : now.draining ? "draining" : now.phase;
    document.body.classList.toggle("away", now.phase !== "open");
    this.#say();
  }

  /** Shows why the present stream cannot be used. */
  showError(stream) {
    if (this.#error === stream.error) return;
    this.#error = stream.error;
    $("composer").hidden = Boolean(stream.error);
    this.#say();
  }

  #say() {
    const [text, button] = $("trouble").children;
    const words = this.#words();
    $("trouble").hidden = !words;
    button.hidden = !["waiting", "connecting", "stopped"].includes(this.#now.phase);
    button.textContent = this.#now.phase === "stopped" ? "Sign in again" : "Try now";
    if (text.textContent !== words) text.textContent = words;
  }

  #words() {
    const { phase, again, draining, until, why } = this.#now;
    if (phase === "open" && draining)
      return "This server is about to stop. The page goes on with the next one by itself; nothing is lost.";
    if (phase === "open") return this.#error && sentence(this.#error);
    if (phase === "connecting" && again) return "Connecting again…";
    if (phase === "stopped") return "This page is signed out.";
    if (phase !== "waiting") return "";
    if (!navigator.onLine) return "This device is offline. What you write is sent when it is back.";
    const seconds = Math.ceil((until - Date.now()) / 1000);
    return `${causeOf(why)} Trying again ${seconds > 0 ? `in ${seconds} s` : "now"}; what you write is sent then.`;
  }
}

function labelOf({ phase, again, draining }) {
  if (phase === "open") return draining ? "Server is stopping" : "Connected";
  if (phase === "none") return "Not signed in";
  if (phase === "stopped") return "Signed out";
  if (!navigator.onLine) return "Offline";
  return phase === "waiting" || again ? "Reconnecting…" : "Connecting…";
}

function causeOf({ code, word, detail }) {
  if (detail) return sentence(detail);
  const causes = {
    4001: "The sign-in has expired.",
    4002: "This page read too slowly and was cut off.",
    4003: "The server is being restarted.",
    4004: "The server has heard nothing from this page for too long.",
    4005: "The server was cut off from the others for a moment.",
    1001: "The server is stopping.",
    1006: "The server cannot be reached.",
    1013: "The server has too much to do.",
  };
  return causes[code] ?? `The connection was closed (${code}${word ? `, ${word}` : ""}).`;
}
