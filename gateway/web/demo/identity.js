// Who the person at this tab is. The tab remembers first, so that two tabs may have two names; the browser remembers the
// latest name for the next tab.

const mostBytes = 128;

function read(storage, key) {
  try {
    return window[storage].getItem(key) ?? "";
  } catch {
    return ""; // storage is switched off: the tab forgets at the next reload
  }
}

function write(storage, key, value) {
  try {
    window[storage].setItem(key, value);
  } catch {
    // As above.
  }
}

/** The tab's user id: random, and the same after a reload. */
export function userID() {
  const known = read("sessionStorage", "hubbub.user");
  if (known) return known;
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  const made = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  write("sessionStorage", "hubbub.user", made);
  return made;
}

/** The name chosen in this tab, or "". */
export const ownName = () => read("sessionStorage", "hubbub.name");

/** The name to offer where none was chosen yet. */
export const usualName = () => read("localStorage", "hubbub.name");

export function remember(name) {
  write("sessionStorage", "hubbub.name", name);
  write("localStorage", "hubbub.name", name);
}

/** What is wrong with a name, or "". The server has the same rule. */
export function faultOf(name) {
  if (!/[\p{L}\p{N}\p{P}\p{S}]/u.test(name)) return "Please type a name.";
  if (/[\p{Cc}\u2028\u2029]/u.test(name)) return "A name is one line without control characters.";
  if (new TextEncoder().encode(name).length > mostBytes) return "This name is too long.";
  return "";
}
