// The field to write in.

import { $ } from "./dom.js";

const mostBytes = 16 << 10; // of a message's data, as the server has it by default
const size = (data) => new TextEncoder().encode(JSON.stringify(data)).length;

/** Makes the composer work. send(text) gets what was written, typing(active) is told that somebody writes or has stopped. */
export function compose({ send, typing }) {
  const text = $("text");

  $("composer").addEventListener("submit", (event) => {
    event.preventDefault();
    const written = text.value.trim();
    if (!written || !fits()) return;
    text.value = "";
    grow();
    send(written);
    text.focus();
  });

  // What Enter would insert decides, not the key: keyboards on glass do not always name their keys.
  let shifted = false;
  text.addEventListener("keydown", (event) => (shifted = event.shiftKey));
  text.addEventListener("keyup", (event) => (shifted = event.shiftKey));
  text.addEventListener("beforeinput", (event) => {
    if (event.inputType !== "insertLineBreak" || shifted || event.isComposing) return;
    event.preventDefault();
    $("composer").requestSubmit();
  });

  text.addEventListener("input", () => {
    grow();
    fits();
    typing(text.value.trim() !== "");
  });
  text.addEventListener("blur", () => typing(false));

  /** Says when the text is too long, and returns whether it may be sent. */
  function fits() {
    const over = size({ text: text.value.trim() }) - mostBytes;
    $("hint").textContent = over > 0 ? `Too long by ${over} bytes: a message has at most ${mostBytes}.` : "";
    return over <= 0;
  }

  /** Grows the field with its text, where the browser does not do it by itself. */
  function grow() {
    if (CSS.supports("field-sizing", "content")) return;
    text.style.height = "auto";
    text.style.height = `${text.scrollHeight + 2}px`;
  }

  const drafts = new Map();
  let current = "";
  return {
    /** Takes the draft of another stream into the field. */
    show(id, label) {
      if (id === current) return;
      drafts.set(current, text.value);
      current = id;
      text.value = drafts.get(id) ?? "";
      text.placeholder = label;
      grow();
      fits();
    },
    focus: () => matchMedia("(pointer: coarse)").matches || text.focus(),
  };
}
