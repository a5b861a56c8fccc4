// The pane of what failed: by reason, each with its message, and how to ask again.

import { get } from "./api.js";
import { trouble } from "./dialogs.js";
import { button, fill, make, plain, said } from "./dom.js";
import { count, ended, some, when, words } from "./format.js";

const PAGE = 50;

export function failuresPane(body, model) {
  const reasons = make("div", { class: "reasons" }), list = make("ol", { class: "failed" }), status = make("div", {}), bottom = make("div", { class: "buttons", hidden: true });
  const more = button("Show more", () => load(false));
  bottom.append(more);
  const card = make("section", { class: "card", "aria-labelledby": "failed-title" }, make("h2", { id: "failed-title" }, "What failed"), reasons, status, list, bottom);
  const none = make("section", { class: "card empty" }, make("h2", {}, "Nothing failed"), make("p", {}, "Files that cannot be read and chunks that get no usable answer are listed here, with the reason and what to do."));
  let only = null, cursor = null, shown = "", stopped = false, serial = 0;

  function entry(one) {
    return make("li", {},
      make("p", {}, make("span", { class: "tag" }, plain(words(one.reason), 60)), " ", said(one.path, 200)),
      make("p", { class: "message", dir: "auto" }, plain(one.message, 1200)),
      make("p", { class: "soft" }, `${some(one.attempts, "attempt")}, last ${when(one.last_at)}${one.retryable ? "; the next run asks it again" : ""}`));
  }

  async function load(anew) {
    // Failures are rows of a table: they can be read once an epoch is published.
    if (!model.published()) { fill(status, make("p", { class: "hint" }, "Each is listed here once the next results are published.")); return; }
    const mine = ++serial;
    more.disabled = true;
    try {
      const query = new URLSearchParams({ limit: String(PAGE), ...(only ? { reason: only } : {}), ...(!anew && cursor ? { cursor } : {}) });
      const got = await get(`${model.path}/failures?${query}`);
      if (stopped || mine !== serial) return;
      cursor = got.next ?? null;
      fill(status);
      if (anew) fill(list);
      list.append(...got.failures.map(entry));
      if (!list.hasChildNodes() && Object.keys(counts()).length === 0) fill(body, none);
      bottom.hidden = cursor === null;
    } catch (error) {
      if (!stopped && mine === serial) fill(status, trouble(error, () => load(anew)));
    } finally {
      more.disabled = false;
    }
  }

  const counts = () => Object.fromEntries(Object.entries(model.progress.failures ?? {}).filter(([, n]) => n > 0));

  function filters(now) {
    const total = Object.values(now).reduce((sum, n) => sum + n, 0), over = ended(model.job);
    const choose = (reason) => { only = reason; shown = ""; update(); };
    const chip = (reason, label, n) => button(`${label} ${count(n)}`, () => choose(reason), { class: "chip", "aria-pressed": String(only === reason) });
    const number = only ? now[only] ?? 0 : total;
    fill(reasons, make("div", { class: "chips", role: "group", "aria-label": "Reasons" }, chip(null, "All", total), Object.entries(now).map(([reason, n]) => chip(reason, plain(words(reason), 60), n))),
      over && number ? button(number === 1 ? "Ask it again" : `Ask ${only ? "these" : "all"} ${count(number)} again`, () => model.retry(only, number), { class: "button primary" }) : null,
      over ? null : make("p", { class: "hint" }, "They can be asked again once the job has ended."));
  }

  function update() {
    const now = counts(), key = JSON.stringify([now, only, model.job.state, model.job.run, model.published()]);
    if (key === shown) return;
    shown = key;
    if (only && !now[only]) only = null;
    if (Object.keys(now).length === 0 && !(model.progress.files?.failed > 0)) { serial++; fill(body, none); return; }
    if (!card.isConnected) fill(body, card);
    const pressed = reasons.contains(document.activeElement) ? document.activeElement.textContent : null;
    filters(now);
    if (pressed !== null) [...reasons.querySelectorAll("button")].find((one) => one.textContent === pressed)?.focus();
    load(true);
  }
  update();
  return { update, stop() { stopped = true; } };
}
