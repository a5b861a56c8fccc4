// Small parts that several views show: states, bars, meters, facts.

import { make, said, say } from "./dom.js";
import { STATES, brief, done, input, percent } from "./format.js";

/** The state of a job as a pill; the word says it, the colour only helps. */
export function pill(state) {
  return make("span", { class: "pill", "data-state": state }, STATES[state] ?? state);
}

/** What a job reads. */
export function source(job, most = 120) {
  const [kind, name] = input(job);
  return [make("span", { class: "soft" }, `${kind}: `), said(name, most)];
}

/** A bar of a job's chunks: known, answered, failed; `update(progress)` moves it. */
export function bar(label) {
  const parts = ["known", "ok", "failed"].map((name) => make("span", { class: `bar-${name}` }));
  const element = make("div", { class: "bar", role: "progressbar", "aria-label": label, "aria-valuemin": "0", "aria-valuemax": "100" }, parts);
  return {
    element,
    update(progress, moving) {
      const { at, total, failed, share } = done(progress);
      const width = (n) => `${total ? Math.max(0, Math.min(100, (n / total) * 100)) : 0}%`;
      parts[0].style.width = width(at - (progress?.answered ?? 0) - failed);
      parts[1].style.width = width(progress?.answered ?? 0);
      parts[2].style.width = width(failed);
      element.classList.toggle("moving", Boolean(moving));
      element.setAttribute("aria-valuenow", String(Math.floor(share * 100)));
      element.setAttribute("aria-valuetext", `${brief(at)} of ${brief(total)} chunks`);
    },
  };
}

/** A meter against a limit: `update(used, limit)`. */
export function meter(label, unit) {
  const level = make("span"), text = make("span", { class: "figure" }), below = make("span", { class: "soft" });
  const track = make("div", { class: "meter", role: "meter", "aria-label": label, "aria-valuemin": "0" }, level);
  return {
    element: make("div", { class: "tile" }, make("h3", {}, label), make("p", {}, text, " ", below), track),
    update(used, limit) {
      const against = typeof limit === "number" && limit > 0;
      say(text, brief(used));
      say(below, against ? `of ${brief(limit)}` : unit);
      track.hidden = !against;
      if (!against) return;
      const share = Math.min(1, (used ?? 0) / limit);
      level.style.width = `${share * 100}%`;
      track.setAttribute("aria-valuemax", String(limit));
      track.setAttribute("aria-valuenow", String(Math.min(used ?? 0, limit)));
      track.setAttribute("aria-valuetext", `${percent(share)} of the limit`);
    },
  };
}

/** A figure with a name: `update(figure, below)`. */
export function tile(label) {
  const text = make("span", { class: "figure" }), below = make("span", { class: "soft" });
  return {
    element: make("div", { class: "tile" }, make("h3", {}, label), make("p", {}, text), make("p", { class: "below" }, below)),
    update(figure, more = "") { say(text, figure); say(below, more); },
  };
}

/** Names and values. */
export function facts(pairs) {
  return make("dl", { class: "facts" }, pairs.filter(Boolean).map(([name, ...value]) => make("div", {}, make("dt", {}, name), make("dd", {}, ...value))));
}
