// Small helpers. What people or services wrote becomes text, never markup.

export const $ = (selector, within = document) => within.querySelector(selector);

/** Makes an element: element("p", {class: "quiet", onclick: f}, "text", child). */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key.startsWith("aria-")) made.setAttribute(key, value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value != null) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child != null));
  return made;
}

const euro = new Intl.NumberFormat("en-IE", { style: "currency", currency: "EUR", trailingZeroDisplay: "stripIfInteger" });
export const price = (cents) => euro.format(cents / 100);

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
export function ago(time) {
  const minutes = Math.round((time - Date.now()) / 60_000);
  if (minutes > -1) return "just now";
  if (minutes > -60) return relative.format(minutes, "minute");
  if (minutes > -1440) return relative.format(Math.round(minutes / 60), "hour");
  return relative.format(Math.round(minutes / 1440), "day");
}

/** A round face with the first letters of a name, in a colour of its own. */
export function face(name, user) {
  const letters = name.split(/\s+/).slice(0, 2).map((word) => [...word][0]).join("").toUpperCase();
  const hue = [...user].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 360, 7);
  return element("span", { class: "face", style: `--hue: ${hue}`, "aria-hidden": "true" }, letters);
}

/** Opens and closes a panel by its button; Escape and a click elsewhere close it, too. */
export function panel(button, box, opened = () => {}) {
  const show = (open) => {
    if (box.hidden !== open) return;
    box.hidden = !open;
    button.setAttribute("aria-expanded", open);
    if (open) opened();
  };
  button.addEventListener("click", () => show(box.hidden));
  document.addEventListener("click", (event) => {
    if (!box.contains(event.target) && !button.contains(event.target) && event.target.isConnected) show(false);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || box.hidden) return;
    show(false);
    button.focus();
  });
  return show;
}

/** Says something for a moment. */
export function toast(text, kind = "") {
  const shown = element("p", { class: `toast ${kind}` }, text);
  $("#toasts").append(shown);
  setTimeout(() => shown.remove(), 5000);
}
