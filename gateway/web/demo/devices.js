// One's own devices and sessions, and how to end them or to begin another.

import { $, button, element, replace, sentence, timeOf } from "./dom.js";
import { pretend } from "./identity.js";

export class Devices {
  #chat = null;

  /** leave() signs out here. */
  constructor(leave) {
    $("devices")
      .querySelector("[value=cancel]")
      .addEventListener("click", () => $("devices").close());
    $("sign-out").addEventListener("click", () => {
      $("devices").close();
      leave();
    });
    $("end-others").addEventListener("click", () => this.#end({ others: true }));
  }

  open(chat) {
    this.#chat = chat;
    const { name, user, device } = chat.me;
    $("devices-title").replaceChildren("Devices of ", element("bdi", "", name));
    $("devices-text").textContent = `User id ${user}, on the device ${device}.`;
    $("devices-list").replaceChildren();
    $("devices-more").replaceChildren(
      "Try a second device in a new tab: ",
      this.#link("browser"),
      " or ",
      this.#link("phone"),
      ".",
    );
    $("devices").showModal();
    this.refresh();
  }

  /** A tab of its own, which does not share this one's storage, as the same person on a made-up device. */
  #link(kind) {
    const { user, name } = this.#chat.me;
    const link = element("a", "", `another ${kind}`.replace("another phone", "a phone"));
    link.href = `?${new URLSearchParams({ user, name, ...pretend(kind) })}`;
    link.target = "_blank";
    link.rel = "noopener";
    link.addEventListener("click", () => $("devices").close());
    return link;
  }

  /** Asks for the list again, if it is shown. */
  async refresh() {
    if (!$("devices").open) return;
    try {
      const { devices } = await this.#chat.call("session.list");
      devices.sort((a, b) => b.this - a.this || a.device.localeCompare(b.device));
      $("end-others").hidden = devices.length < 2;
      replace($("devices-list"), ...devices.map((device) => this.#row(device)));
    } catch (error) {
      $("devices-list").replaceChildren(
        element("li", "quiet", error.reason === "lost" ? "There is no connection." : sentence(error.message)),
      );
    }
  }

  #row({ device, platform, this: own, sessions }) {
    const about = element("span", "words", element("span", "name", device));
    about.append(element("span", "quiet", own ? `${platform} · this device` : platform));
    for (const session of sessions) {
      const line = element(
        "span",
        "session quiet",
        session.this ? "this tab" : "a tab",
        ", since ",
        timeOf(session.connected),
      );
      if (session.address) line.append(`, from ${session.address}`);
      about.append(line);
    }
    const row = element("li", "", about);
    if (!own) {
      const end = button("", "Sign out", () => this.#end({ device }));
      end.setAttribute("aria-label", `Sign out ${device}`);
      end.dataset.key = device;
      row.append(end);
    }
    return row;
  }

  async #end(which) {
    await this.#chat.call("session.end", which).catch(() => {});
    this.refresh();
  }
}
