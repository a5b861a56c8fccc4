// The pane of a job's course: charts, counts, and what happened when.

import { charts } from "./charts.js";
import { fill, make, plain } from "./dom.js";
import { brisk, count, ended, lasting, some, timeOfDay, words } from "./format.js";
import { facts } from "./parts.js";

export function progressPane(body, model) {
  const drawn = charts(), counts = make("div", {}), log = make("ol", { class: "log", tabindex: "0", "aria-labelledby": "happened" });
  const none = make("p", { class: "hint" }, "Nothing yet.");
  const course = make("section", { class: "card", "aria-labelledby": "course" }, make("h2", { id: "course" }, "Over time"), drawn.element);
  fill(body, course,
    make("div", { class: "halves" },
      make("section", { class: "card", "aria-labelledby": "counts" }, make("h2", { id: "counts" }, "Counts"), counts),
      make("section", { class: "card", "aria-labelledby": "happened" }, make("h2", { id: "happened" }, "What happened"), none, log)));
  let newest = null;

  function update() {
    const p = model.progress, chunks = p.chunks ?? {}, files = p.files ?? {};
    course.hidden = !drawn.update(model.samples, ended(model.job));
    const kinds = ["ok", "failed", "duplicate", "dropped", "pending", "unasked"].filter((name) => chunks[name] > 0).map((name) => `${count(chunks[name])} ${name}`);
    const reasons = Object.entries(p.failures ?? {}).filter(([, n]) => n > 0).map(([name, n]) => `${count(n)} ${plain(words(name), 60)}`);
    fill(counts, facts([
      ["Files", files.total || p.listed === false ? `${count(files.read ?? 0)} of ${count(files.total ?? 0)}${p.listed === false ? "+" : ""} read` : "none to read anew", files.failed ? `, ${count(files.failed)} failed` : ""],
      ["Chunks", chunks.total ? `${count(chunks.total)}${kinds.length ? `: ${kinds.join(", ")}` : ""}` : "none published yet"],
      ["To be asked", `${count(p.asked ?? 0)}, ${count(p.answered ?? 0)} answered; ${count(p.cached ?? 0)} known before`],
      ["Calls", `${count(p.calls ?? 0)} made, ${some(p.faults ?? 0, "fault")}, ${some(p.refused ?? 0, "limit hit")}`],
      ["Tokens", `${count(p.input_tokens ?? 0)} in, ${count(p.output_tokens ?? 0)} out`],
      p.latency_s ? ["Latency", `${brisk(p.latency_s.p50)} median, ${brisk(p.latency_s.p95)} p95, ${brisk(p.latency_s.p99)} p99`] : null,
      reasons.length ? ["Failed", reasons.join(", ")] : null,
      ["Time", lasting(p.elapsed_s ?? 0)],
      ["Epoch", model.epoch ? `${count(model.epoch)}: its tables can be read` : "none published yet"],
    ]));
    none.hidden = model.notes.length > 0;
    if (model.notes[0] !== newest) {
      newest = model.notes[0];
      fill(log, model.notes.slice(0, 60).map((one) => make("li", {}, make("time", {}, timeOfDay(one.at)), make("span", {}, one.text))));
    }
  }
  update();
  return { update };
}
