// Behind the counter: puts goods on the shelf, shows which webhooks came, and pulls the plug of a service.

import { $, element, face, price, toast } from "./dom.js";
import { picture } from "./pictures.js";
import { Hub } from "./hub.js";
import { device, session, signIn } from "./session.js";

if (!session("staff")) await signIn(`Counter ${Math.random().toString(36).slice(2, 6)}`, true);

const hub = new Hub(session("staff"), device(), {
  open: async () => {
    $("#offline").hidden = true;
    drawStoreroom((await hub.call("bff.storeroom")).products);
    await hub.call("room.join", { room: "staff" });
    showVisits();
  },
  lost: () => ($("#offline").hidden = false),
  ended: () => ($("#offline").hidden = false),
  "room.message": ({ data }) => { if (visits.every(({ id }) => id !== data.id)) visits = [data, ...visits]; drawVisits(); },
});
let visits = [];
hub.connect();
addEventListener("pagehide", () => hub.close());
drawPlug(await (await fetch("services/notifications")).json());

function drawStoreroom(products) {
  $("#storeroom").replaceChildren(...products.map((p) => element("li", { "data-id": p.id }, picture(p.id),
    element("p", {}, element("b", {}, p.name), element("br"), element("span", { class: "quiet" }, `${p.category} · ${p.stock} pieces · ${price(p.price)}`)),
    element("button", { class: "primary", "aria-label": `Put ${p.name} on the shelf`, onclick: (event) => shelve(p, event.currentTarget) }, "Put on the shelf"))));
  if (!products.length) $("#storeroom").append(element("li", { class: "nothing" }, "The storeroom is empty: everything is on the shelf. Start the shop again to fill it."));
}

async function shelve(product, button) {
  button.disabled = true;
  try {
    await hub.call("bff.shelve", { id: product.id });
    toast(`${product.name} is on the shelf.`);
    drawStoreroom((await hub.call("bff.storeroom")).products);
  } catch {
    button.disabled = false;
    toast("That did not work. Please try again.", "bad");
  }
}

/** What came before this page was open. While the service is away there is nothing to ask. */
async function showVisits() {
  const before = await hub.call("bff.visits").catch(() => ({ visits: [] }));
  const known = new Set(visits.map(({ id }) => id));
  visits = [...visits, ...before.visits.filter(({ id }) => !known.has(id))];
  drawVisits();
}

function drawVisits() {
  const names = new Map(visits.filter(({ data }) => data.info?.name).map(({ data }) => [data.user, data.info.name]));
  const shoppers = visits.filter(({ data }) => data.attrs?.role !== "staff");
  $("#visits").replaceChildren(...shoppers.map(({ type, time, data }) => {
    const name = data.info?.name ?? names.get(data.user) ?? data.user;
    return element("li", { "data-type": type, "data-user": data.user }, face(name, data.user),
      element("span", {}, element("b", {}, name), ` ${said(type, data)}`),
      element("time", { class: "quiet" }, new Date(time).toLocaleTimeString()),
      element("span"), element("span", { class: "verified" }, "✓ signature verified"), element("span", { class: "quiet" }, type));
  }));
  if (!shoppers.length) $("#visits").append(element("li", { class: "nothing" }, "Nobody yet. Open the shop in another window."));
}

function said(type, { reason, duration_ms: took, notices }) {
  if (type === "session.connected") return "came in";
  if (type === "notice.read") return notices.length === 1 ? "read a notice" : `read ${notices.length} notices`;
  const stayed = took < 60_000 ? `${Math.max(1, Math.round(took / 1000))} s` : `${Math.round(took / 60_000)} min`;
  return `${reason === "signed_in_elsewhere" ? "went on elsewhere" : "left"} after ${stayed}`;
}

function drawPlug({ running }) {
  $(".lamp").className = `lamp ${running ? "on" : "off"}`;
  $("#service-state").textContent = running ? "runs" : "unplugged";
  const button = $("#plug");
  button.disabled = false;
  button.textContent = running ? "Unplug" : "Plug in";
  button.onclick = async () => {
    button.disabled = true;
    const reply = await fetch("services/notifications", {
      method: "PUT", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ running: !running }),
    });
    if (reply.ok) drawPlug(await reply.json());
    else drawPlug({ running });
    if (!running) showVisits();
  };
}
