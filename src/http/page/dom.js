// Building elements. Whatever was said, named or written by others becomes text here, never markup.

/** An element: `make("p", { class: "hint" }, "text", child, ..)`; children that are null or false are left out. */
export function make(tag, properties = {}, ...children) {
  return dress(document.createElement(tag), properties, children);
}

/** The same for SVG. */
export function shape(tag, properties = {}, ...children) {
  return dress(document.createElementNS("http://www.w3.org/2000/svg", tag), properties, children);
}

function dress(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Replaces what an element holds. */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Sets a text only where it differs, so that neither the layout nor a screen reader is disturbed for nothing. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// Control characters, and those that turn the direction of what follows.
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g;

/** A text of others as plain text: what is unseen or turns the reading direction is spelt out; cut after `most`. */
export function plain(text, most = 4000) {
  const cut = [...String(text ?? "").slice(0, most * 2)];
  const kept = cut.slice(0, most).join("") + (cut.length > most || String(text ?? "").length > most * 2 ? "…" : "");
  return kept.replace(UNSEEN, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** A text of others as an element that keeps its reading direction to itself. */
export function said(text, most = 4000, properties = {}) {
  return make("bdi", properties, plain(text, most));
}

/** A button that does something. */
export function button(label, act, properties = {}) {
  return make("button", { type: "button", class: "button", onclick: act, ...properties }, label);
}

let serial = 0;
/** An id that is used once. */
export const fresh = (stem) => `${stem}-${++serial}`;

/** A labelled field: label above, hint below, tied together. */
export function field(label, control, hint) {
  control.id ||= fresh("field");
  const note = hint ? make("p", { class: "hint", id: `${control.id}-hint` }, hint) : null;
  if (note) control.setAttribute("aria-describedby", note.id);
  return make("div", { class: "field" }, make("label", { for: control.id }, label), control, note);
}
