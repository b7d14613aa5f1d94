// Small helpers to build the page. Everything that people wrote goes through textContent, never through markup.

/** Returns the page's element of this id. */
export const $ = (id) => document.getElementById(id);

/** Makes an element of a tag and class with children: elements, or strings that are shown as text. */
export function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

/** Makes a button that does something. */
export function button(className, label, onClick) {
  const made = element("button", className, label);
  made.type = "button";
  made.addEventListener("click", onClick);
  return made;
}

/** Makes one of the pictures that index.html defines. Screen readers do not see it: what it says is said in words, too. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

/** What others see of a person: the name in the public info, where it is one, or else the user id. */
export function nameText({ user, info }) {
  const name = typeof info?.name === "string" ? info.name.trim() : "";
  return name || user;
}

/** A name that keeps to itself, whatever its writing direction. It tells the user id to who points at it. */
export function nameOf(person) {
  const name = element("bdi", "name", nameText(person));
  name.title = `user id: ${person.user}`;
  return name;
}

/** The first letter (or emoji) of a name on one of eight colours that belongs to the user. */
export function faceOf(person) {
  const first = new Intl.Segmenter().segment(nameText(person))[Symbol.iterator]().next().value;
  let hash = 0;
  for (const unit of person.user) hash = (hash * 31 + unit.codePointAt(0)) >>> 0;
  const face = element("span", `face hue-${hash % 8}`, (first?.segment ?? "?").toLocaleUpperCase());
  face.setAttribute("aria-hidden", "true");
  return face;
}

/** Puts children in place of what an element has, and keeps the focus on the one that had it (same data-key). */
export function replace(parent, ...children) {
  const key = parent.contains(document.activeElement) ? document.activeElement.dataset.key : "";
  parent.replaceChildren(...children);
  if (key) [...parent.querySelectorAll("[data-key]")].find((e) => e.dataset.key === key)?.focus();
}

/** "Ann", "Ann and Bob", "Ann, Bob and 3 others": each name an element of its own. */
export function listed(people, most = 3) {
  const shown = people.slice(0, people.length > most + 1 ? most : people.length).map(nameOf);
  if (shown.length < people.length) shown.push(`${people.length - shown.length} others`);
  return shown.flatMap((name, i) => {
    if (i === 0) return [name];
    return [i === shown.length - 1 ? " and " : ", ", name];
  });
}

/** Begins a sentence with a capital and ends it with a stop. */
export function sentence(words) {
  const trimmed = words.trim();
  if (!trimmed) return "";
  return trimmed[0].toLocaleUpperCase() + trimmed.slice(1) + (/[.!?]$/.test(trimmed) ? "" : ".");
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const calendar = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });

/** A time of day; of another day, that day. */
export function timeOf(ms) {
  const today = new Date(ms).toDateString() === new Date().toDateString();
  const time = element("time", "", (today ? clock : day).format(ms));
  time.dateTime = new Date(ms).toISOString();
  time.title = calendar.format(ms);
  return time;
}

/** How long ago that was, roughly, in words. */
export function ago(ms) {
  const minutes = Math.round((Date.now() - ms) / 60_000);
  if (minutes < 1) return "just now";
  if (minutes < 60) return `${minutes} min ago`;
  if (minutes < 24 * 60) return `${Math.round(minutes / 60)} h ago`;
  return `on ${day.format(ms)}`;
}

/** ago as an element, which tells the exact time to who points at it. */
export function agoOf(ms) {
  const time = timeOf(ms);
  time.textContent = ago(ms);
  return time;
}

/** How many there are, short enough for a badge. */
export const figure = (n) => (n > 99 ? "99+" : String(n));
