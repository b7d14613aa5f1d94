// The shop: who is signed in, one connection to the gateway, and what is shown of what it says.

import { $, toast } from "./dom.js";
import { picture } from "./pictures.js";
import { Hub } from "./hub.js";
import { device, forget, session, signIn } from "./session.js";
import { People } from "./people.js";
import { Inbox } from "./inbox.js";
import { Shelf } from "./shelf.js";

const me = session();
if (me) open(me);
else door();

/** Asks who comes in. */
function door() {
  $("#door").hidden = false;
  $("#door .still").append(picture("teapot"));
  $("#name").focus();
  $("#door form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const fault = $("#door .fault");
    try {
      await signIn($("#name").value);
      location.reload();
    } catch (error) {
      fault.textContent = error instanceof TypeError ? "The shop does not answer. Is it running?" : error.message;
      fault.hidden = false;
    }
  });
}

function open(me) {
  $("#shop").hidden = false;
  $(".greeting h1").textContent = `${greeting()}, ${me.name}.`;
  $("#leave").addEventListener("click", leave);

  const hub = new Hub(me, device(), {
    open: async (welcome) => {
      $("#offline").hidden = true;
      inbox.count(welcome.inbox);
      // Joining first and asking for the page next: what changes in between is told by the room.
      people.show(await hub.call("room.join", { room: "shop" }).then(() => hub.call("room.present", { room: "shop", limit: 100 })));
      shelf.load();
    },
    lost: () => {
      $("#offline").textContent = "The connection is lost. We are trying again…";
      $("#offline").hidden = false;
      people.away();
    },
    ended: (why) => ended(hub, why),
    "room.joined": (change) => people.came(change),
    "room.left": (change) => people.left(change),
    "room.message": ({ data }) => shelf.changed(data),
    "inbox.counts": (counts) => inbox.count(counts),
    "inbox.notice": (notice) => inbox.add(notice),
    "inbox.marked": (mark) => inbox.marked(mark),
    "inbox.removed": ({ id }) => inbox.remove(id),
  });
  const people = new People(me);
  const inbox = new Inbox(hub);
  const shelf = new Shelf(hub);
  shelf.load();
  hub.connect();
  addEventListener("pagehide", () => hub.close());
  addEventListener("pageshow", (event) => event.persisted && hub.connect());
}

/** The gateway has ended the session, and connecting again would not help. */
function ended(hub, { code, by }) {
  const dialog = $("#ended");
  const [title, text] = {
    4501: ["You signed in somewhere else", `The shop is open for you ${by?.platform === "web" ? "in another window" : "on another device"} now, so we signed you out here. Was that not you? Then use the shop here, and the other one is signed out.`],
    4502: ["You were signed out", "Somebody with your account, or the shop, has signed this window out."],
  }[code] ?? ["Please sign in again", "Your visit is over, or the shop does not let you in just now."];
  $("h2", dialog).textContent = title;
  $("p", dialog).textContent = text;
  dialog.onclose = () => (dialog.returnValue === "here" ? hub.connect() : leave());
  dialog.oncancel = (event) => event.preventDefault(); // it needs an answer
  dialog.showModal();
}

function leave() {
  forget();
  history.replaceState(null, "", location.pathname);
  location.reload();
}

function greeting() {
  const hour = new Date().getHours();
  if (hour < 5) return "Still awake";
  if (hour < 12) return "Good morning";
  return hour < 18 ? "Good afternoon" : "Good evening";
}

addEventListener("unhandledrejection", ({ reason }) => {
  if (reason?.reason !== "lost") toast("Something went wrong. Please try again.", "bad");
});
