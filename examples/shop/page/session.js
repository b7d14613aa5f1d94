// Who uses this tab. It is kept for the tab alone, and so is the device: sign in as the same person in a second tab, and the first is
// signed out. A real shop keeps the device in localStorage, so that the tabs of a browser are one.

const kept = (key) => JSON.parse(sessionStorage.getItem(key) ?? "null");

/** The session {token, user, name, gateway} of this tab, or null. */
export const session = (key = "shopper") => kept(key);

export const forget = (key = "shopper") => sessionStorage.removeItem(key);

export function device() {
  if (!kept("device")) sessionStorage.setItem("device", JSON.stringify(`tab-${Math.random().toString(36).slice(2, 10)}`));
  return kept("device");
}

/** Asks the shop for a token and keeps it. */
export async function signIn(name, staff = false) {
  const reply = await fetch("sign-in", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ name, staff }),
  });
  if (!reply.ok) throw new Error((await reply.text()).trim());
  sessionStorage.setItem(staff ? "staff" : "shopper", await reply.text());
}
