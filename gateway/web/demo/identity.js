// Who the person at this tab is, and on which device. The tab remembers who it is, so that two tabs may be two people; the
// browser remembers its own device id for all of its tabs, and for each person the rooms.

const mostBytes = 128; // of the name of a user, device or room

function read(storage, key) {
  try {
    return window[storage].getItem(`hubbub.${key}`) ?? "";
  } catch {
    return ""; // storage is switched off: the tab forgets at the next reload
  }
}

function write(storage, key, value) {
  try {
    window[storage].setItem(`hubbub.${key}`, value);
  } catch {
    // As above.
  }
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const size = (text) => new TextEncoder().encode(text).length;

/** Makes a protocol name of what somebody typed: names have no spaces, control characters, braces or stars. */
export function nameFrom(typed) {
  const name = typed.trim().replace(/[\s{}*\p{Cc}\p{Zl}\p{Zp}]+/gu, "-");
  return name.replace(/^-+|-+$/g, "") || name;
}

/** The user id that belongs to a typed name: Ann and ann are the same person. */
export const userFrom = (typed) => nameFrom(typed).toLowerCase();

/** What is wrong with a typed name, or "". The server has the same rules. */
export function faultOf(typed) {
  if (!/[\p{L}\p{N}\p{P}\p{S}]/u.test(nameFrom(typed)) || nameFrom(typed) === "-") return "Please type a name.";
  if (size(nameFrom(typed)) > mostBytes || size(typed.trim()) > mostBytes) return "This name is too long.";
  return "";
}

/** Four random letters and digits. */
export function suffix() {
  return [...crypto.getRandomValues(new Uint8Array(4))].map((byte) => "23456789abcdefghjkmnpqrstvwxyz"[byte % 30]).join("");
}

function browserName() {
  const agent = navigator.userAgent;
  const brand = [
    ["Edg/", "edge"],
    ["OPR/", "opera"],
    ["Firefox/", "firefox"],
    ["Chrome/", "chrome"],
    ["Safari/", "safari"],
  ];
  const system = [
    ["Android", "android"],
    ["iPhone", "iphone"],
    ["iPad", "ipad"],
    ["Mac", "mac"],
    ["Windows", "windows"],
    ["Linux", "linux"],
  ];
  const find = (table, otherwise) => table.find(([part]) => agent.includes(part))?.[1] ?? otherwise;
  return `${find(brand, "browser")}-${find(system, "computer")}`;
}

/** This browser's device id: made once, and the same for all tabs and people. */
export function ownDevice() {
  const known = read("localStorage", "device");
  if (known) return known;
  const made = `${browserName()}-${suffix()}`;
  write("localStorage", "device", made);
  return read("localStorage", "device") || made;
}

/** A device that this tab pretends to be, to try things out. */
export const pretend = (kind) => ({ device: `${kind}-${suffix()}`, platform: kind === "phone" ? "android" : "web" });

/** Who this tab is, {user, name, device, platform} or null: by the address (?user=ann&device=d1), or an earlier sign-in. */
export function remembered() {
  const query = new URLSearchParams(location.search);
  if (query.get("user")) {
    const name = query.get("name") || query.get("user");
    const own = { device: ownDevice(), platform: "web" };
    const who = {
      user: query.get("user"),
      name,
      device: query.get("device") || own.device,
      platform: query.get("platform") || own.platform,
    };
    remember(who);
    history.replaceState(null, "", location.pathname + location.hash);
    return who;
  }
  const who = parse(read("sessionStorage", "who"));
  return who && typeof who.user === "string" && typeof who.name === "string" && who.device ? who : null;
}

export function remember(who) {
  write("sessionStorage", "who", JSON.stringify(who));
  const names = [who.name, ...usualNames().filter((name) => userFrom(name) !== who.user)].slice(0, 5);
  write("localStorage", "names", JSON.stringify(names));
}

export const forget = () => write("sessionStorage", "who", "");

/** The names used in this browser, the latest first. */
export function usualNames() {
  const names = parse(read("localStorage", "names"));
  return Array.isArray(names) ? names.filter((name) => typeof name === "string" && !faultOf(name)) : [];
}

/** The rooms that a person was in. Sessions join rooms, so that it is the page that has to remember them. */
export function ownRooms(user) {
  const rooms = parse(read("localStorage", `rooms.${user}`));
  return Array.isArray(rooms) ? rooms.filter((room) => typeof room === "string" && room) : ["lobby"];
}

export const rememberRooms = (user, rooms) => write("localStorage", `rooms.${user}`, JSON.stringify(rooms));

/** The rooms that a person has left in this browser: what the server still lists of them does not bring them back. */
export function leftRooms(user) {
  const rooms = parse(read("localStorage", `left.${user}`));
  return new Set(Array.isArray(rooms) ? rooms : []);
}

export const rememberLeft = (user, rooms) => write("localStorage", `left.${user}`, JSON.stringify([...rooms].slice(-500)));
