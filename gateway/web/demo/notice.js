// One notice as a row of the inbox. All of it is data of others: text stays text, and only links that cannot run anything
// become links.

import { agoOf, button, element, icon } from "./dom.js";
import { isUnread } from "./inbox.js";

const longTitle = 160; // characters
const longBody = 260;
const manyLines = 4; // of a body

/**
 * Makes the row of a notice. do has read(), unread(), archive(), restore(), follow(link) and act(action) for what is done
 * with it, and unfold(open); open says whether a long one is shown whole.
 */
export function noticeRow(notice, open, handle) {
  const unread = isUnread(notice);
  const long = isLong(notice);
  const row = element("li", `item${unread ? " unread" : ""}${long && !open ? " cut" : ""}`);
  row.dataset.id = notice.id;
  const words = element("div", "words", heading(notice, unread, handle));
  if (notice.body) words.append(bodyOf(notice));
  if (long) words.append(unfolding(notice, open, handle));
  words.append(about(notice));
  if (notice.actions?.length) words.append(actionsOf(notice, handle));
  row.append(words, tools(notice, unread, handle));
  return row;
}

/** The title, which is what a click anywhere on the row means. */
function heading({ id, title, link }, unread, handle) {
  const text = element("bdi", "", title);
  const target = linkTo(link);
  const main = target ? anchor("main", text, target) : button("main", text, () => handle.read());
  if (target) main.addEventListener("click", () => handle.follow(target));
  if (unread) main.append(element("span", "unseen", ", unread"));
  main.dataset.key = `${id} main`;
  return element("h3", "", main);
}

function bodyOf({ body }) {
  const text = element("p", "body", body);
  text.dir = "auto";
  return text;
}

const isLong = ({ title, body = "" }) =>
  title.length > longTitle || body.length > longBody || body.split("\n").length > manyLines;

function unfolding({ id, title }, open, handle) {
  const label = open ? "Show less" : "Show all";
  const more = button("more", label, () => handle.unfold(!open));
  more.setAttribute("aria-expanded", open);
  more.setAttribute("aria-label", `${label}: ${title}`);
  more.dataset.key = `${id} more`;
  return more;
}

function about({ category, time, announcement }) {
  const line = element("p", "about quiet", element("bdi", "", category), agoOf(time));
  if (announcement) line.append(element("span", "", "to everybody"));
  return line;
}

function actionsOf({ id, actions }, handle) {
  const made = actions.map((action, i) => {
    const target = linkTo(action.link);
    const text = element("bdi", "", action.label);
    const one = target ? anchor("", text, target) : button("", text, () => handle.act(action));
    if (target) one.addEventListener("click", () => handle.follow(target));
    one.dataset.key = `${id} action${i}`;
    return one;
  });
  return element("div", "actions", ...made);
}

function tools({ id, title, state }, unread, handle) {
  const tool = (name, picture, label, onClick) => {
    const made = button("round", icon(picture), onClick);
    made.title = label;
    made.setAttribute("aria-label", `${label}: ${title}`);
    made.dataset.key = `${id} ${name}`;
    return made;
  };
  const made = element("div", "tools");
  if (state === "archived") {
    made.append(tool("restore", "unarchive", "Back to the inbox", () => handle.restore()));
    return made;
  }
  made.append(
    unread
      ? tool("toggle", "read", "Mark read", () => handle.read())
      : tool("toggle", "dot", "Mark unread", () => handle.unread()),
    tool("archive", "archive", "Archive", () => handle.archive()),
  );
  return made;
}

/** Where a link leads: a URL with a scheme that only leads somewhere, or null. */
function linkTo(link) {
  if (!link) return null;
  const url = URL.canParse(link, location.href) ? new URL(link, location.href) : null;
  return url && ["http:", "https:", "mailto:"].includes(url.protocol) ? url : null;
}

/** Whether a URL is a place within this page. */
export function isHere(url) {
  return url.hash !== "" && url.href.split("#")[0] === location.href.split("#")[0];
}

function anchor(className, text, url) {
  const made = element("a", className, text);
  made.href = url.href;
  made.rel = "noopener noreferrer";
  if (!isHere(url) && url.protocol !== "mailto:") made.target = "_blank";
  return made;
}
