// Dialogs: a question before what cannot be taken back, the token, a text to read, short messages.

import { button, field, fill, make, plain } from "./dom.js";

const host = () => document.getElementById("dialogs");

/** Opens a dialog; `build(close)` gives its content. Gives a promise of what `close` was called with, null if left. */
function open(title, build, properties = {}) {
  return new Promise((resolve) => {
    let result = null;
    const before = document.activeElement;
    const heading = make("h2", { id: "dialog-title" }, title);
    const dialog = make("dialog", { "aria-labelledby": "dialog-title", ...properties }, heading);
    const close = (value) => { result = value; dialog.close(); };
    dialog.append(...build(close));
    dialog.addEventListener("close", () => {
      dialog.remove();
      if (before?.isConnected) before.focus();
      resolve(result);
    });
    host().append(dialog);
    dialog.showModal();
  });
}

/** Asks before something is done; gives true or false. The button that does nothing has the focus. */
export async function confirm(title, text, yes, danger = true) {
  return (await open(title, (close) => [
    ...[text].flat().map((line) => make("p", {}, line)),
    make("div", { class: "buttons" },
      button("Keep as it is", () => close(false), { autofocus: true }),
      button(yes, () => close(true), { class: danger ? "button danger" : "button primary" })),
  ])) === true;
}

/** Asks for the caps to go on with, given those that hold; gives new ones (null: no cap), or null if left. */
export function raise(caps, spent) {
  return open("Resume with higher caps", (close) => {
    const fields = [["cost_usd", "Cost cap in dollars"], ["calls", "Most calls"], ["tokens", "Most tokens"]].filter(([name]) => name === "cost_usd" || typeof caps[name] === "number").map(([name, label], i) => {
      const whole = name !== "cost_usd", now = caps[name];
      const control = make("input", { type: "number", min: "0", step: whole ? "1" : "any", inputmode: "decimal", autofocus: i === 0, value: typeof now === "number" ? String(whole ? now * 2 : Math.round(now * 200) / 100) : "" });
      return { name, label, control };
    });
    const go = (event) => {
      event.preventDefault();
      close({ ...caps, ...Object.fromEntries(fields.map(({ name, control }) => [name, control.value === "" ? null : Number(control.value)])) });
    };
    return [make("form", { onsubmit: go },
      make("p", {}, `The job stopped at a cap. This run cost ${spent}; what was answered is kept and is not paid for again.`),
      fields.map(({ label, control }) => field(label, control)),
      make("p", { class: "hint" }, "Twice of what held is filled in. An empty field is no cap."),
      make("div", { class: "buttons" }, button("Keep as it is", () => close(null)), make("button", { class: "button primary" }, "Resume")))];
  });
}

/** Asks for the token; `refused` says that one was tried. Gives it, or null. */
export function askToken(refused) {
  return open("This service wants a token", (close) => {
    const secret = make("input", { type: "password", autocomplete: "off", spellcheck: "false", autofocus: true, required: true, ...(refused ? { "aria-invalid": "true" } : {}) });
    const go = (event) => { event.preventDefault(); close(secret.value.trim() || null); };
    return [make("form", { onsubmit: go },
      refused ? make("p", { class: "alert", role: "alert" }, "The service refused that token.") : null,
      field("Token", secret, "Whoever runs the service has it. It is kept until this tab is closed."),
      make("div", { class: "buttons" }, button("Not now", () => close(null)), make("button", { class: "button primary" }, "Sign in")))];
  }, { class: "narrow" });
}

/** Shows a text to read. */
export function read(title, text) {
  return open(title, (close) => [
    make("pre", { tabindex: "0", "aria-label": title }, text),
    make("div", { class: "buttons" }, button("Close", () => close(null), { autofocus: true })),
  ], { class: "wide" });
}

/** A problem as a box: what happened, what the service says of it, and what to do. */
export function trouble(error, again) {
  const details = (error.errors ?? []).slice(0, 20).map((one) => make("li", {}, plain(typeof one === "string" ? one : JSON.stringify(one), 500)));
  return make("div", { class: "alert", role: "alert" },
    error.title ? make("strong", {}, plain(error.title, 300)) : null,
    error.detail || !error.title ? make("p", {}, plain(error.detail || error.message, 2000)) : null,
    details.length ? make("ul", {}, details) : null,
    again ? button("Try again", again) : null);
}

let timer = 0;
/** A short message at the foot of the page; errors stay until they are dismissed. */
export function tell(text, error = null) {
  const toast = document.getElementById("toast");
  clearTimeout(timer);
  const hide = () => fill(toast);
  fill(toast, make("div", { class: error ? "toast bad" : "toast" },
    make("span", {}, error ? [error.title, error.detail || (error.title ? "" : error.message)].filter(Boolean).map((one) => plain(one, 600)).join(". ") : plain(text, 300)),
    button("Dismiss", hide, { class: "link" })));
  if (!error) timer = setTimeout(hide, 6000);
}
