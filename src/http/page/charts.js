// What a run did over time: samples that thin out as they grow old, and small charts of them.

import { make, say, shape } from "./dom.js";
import { brief, brisk, bytes, money, timeOfDay, unpriced } from "./format.js";

const MOST = 720;
/** Rates are taken over at least this long, so that one call does not make a peak. */
const SPAN = 10000;
const SILENT = 20000;

/** Samples of a job in the order of their time. */
export class Samples {
  constructor() { this.all = []; this.version = 0; }

  add(p, system) {
    const at = new Date(p.at ?? Date.now()).getTime();
    const last = this.all.at(-1);
    if (!Number.isFinite(at) || (last && at <= last.at)) return;
    // Nothing is told while nothing moves: a long silence is a time without answers, not a slow way down.
    if (last && at - last.at > SILENT) {
      const still = { ...last, rate: 0, hits: 0, errors: 0, tokens: null, cpu: null, memory: null };
      this.all.push({ ...still, at: last.at + 2000 }, { ...still, at: at - 2000 });
    }
    const since = (span) => {
      let i = this.all.length - 1;
      while (i > 0 && at - this.all[i].at < span) i--;
      return this.all[i];
    };
    const from = since(SPAN), before = since(3 * SPAN);
    const minutes = from ? Math.max(1 / 600, (at - from.at) / 60000) : 0;
    // A resumed run counts from nothing again.
    const more = (start, name) => (start ? Math.max(0, (p[name] ?? 0) - start[name]) : 0);
    const answered = more(from, "answered"), refused = more(from, "refused"), calls = more(before, "calls"), faults = more(before, "faults");
    this.all.push({
      at, answered: p.answered ?? 0, calls: p.calls ?? 0, faults: p.faults ?? 0, refused: p.refused ?? 0,
      rate: minutes ? answered / minutes : null,
      p50: p.latency_s?.p50 ?? null, p95: p.latency_s?.p95 ?? null,
      errors: calls || faults ? Math.min(100, (faults / Math.max(calls, faults)) * 100) : 0,
      hits: minutes ? refused / minutes : 0,
      tokens: p.tokens?.used ?? null, limit: p.tokens?.limit ?? null,
      cost: unpriced(p) ? null : p.cost_usd ?? null,
      // The service's own use is only known as of now.
      cpu: Math.abs(Date.now() - at) < 15000 ? system?.cpu_percent ?? null : null,
      memory: Math.abs(Date.now() - at) < 15000 ? system?.memory_bytes ?? null : null,
    });
    this.version++;
    // Every other one of the older half goes.
    if (this.all.length > MOST) this.all = this.all.filter((_, i) => i >= MOST / 2 || i % 2 === 0);
  }
}

const per = (n) => `${n < 10 ? Math.round(n * 10) / 10 : brief(n)}`;
const CHARTS = [
  { title: "Throughput, chunks a minute", unit: "", lines: [["rate", ""]], show: per, area: true },
  { title: "Tokens a minute", unit: "", lines: [["tokens", ""]], show: brief, area: true, limit: "limit" },
  { title: "Latency of a call", unit: "", lines: [["p50", "p50"], ["p95", "p95"]], show: brisk },
  { title: "Error rate", unit: "of calls", lines: [["errors", ""]], show: (n) => `${per(n)}%`, area: true, least: 1 },
  { title: "Limit hits", unit: "a minute", lines: [["hits", ""]], show: per, area: true, least: 1 },
  { title: "Cost", unit: "", lines: [["cost", ""]], show: money, area: true },
  { title: "CPU of the service", unit: "", lines: [["cpu", ""]], show: (n) => `${Math.round(n)}%`, area: true, least: 10 },
  { title: "Memory of the service", unit: "", lines: [["memory", ""]], show: bytes, area: true },
];
const WIDE = 300, HIGH = 72, PAD = 3;

/** A scale's end that is easy to read. */
function round(n) {
  if (!(n > 0)) return 1;
  const unit = 10 ** Math.floor(Math.log10(n));
  return [1, 1.5, 2, 3, 4, 5, 7.5, 10].find((step) => step * unit >= n * 0.999) * unit || n;
}

function chart({ title, unit, lines, show, area, limit, least = 0 }) {
  const value = make("p", { class: "chart-now" }), top = make("span", { class: "chart-top" }), ends = [make("span"), make("span")];
  const svg = shape("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: "none", role: "img" });
  const cursor = shape("line", { class: "cursor", y1: 0, y2: HIGH, "vector-effect": "non-scaling-stroke" });
  const element = make("figure", { class: "chart" }, make("figcaption", {}, make("h3", {}, title), value), make("div", { class: "chart-plot" }, top, svg), make("p", { class: "chart-ends" }, ends));
  let data = [], from = 0, to = 1, pointed = null;

  function figures(sample) {
    const parts = lines.filter(([name]) => sample?.[name] !== null && sample?.[name] !== undefined).map(([name, label]) => [label, show(sample[name])].filter(Boolean).join(" "));
    return parts.length ? `${parts.join(", ")}${unit ? ` ${unit}` : ""}` : "–";
  }
  function told() {
    const sample = pointed ?? data.at(-1);
    say(value, pointed ? `${figures(sample)} at ${timeOfDay(sample.at)}` : figures(sample));
    value.classList.toggle("then", Boolean(pointed));
    cursor.style.display = pointed ? "" : "none";
    if (pointed) for (const end of ["x1", "x2"]) cursor.setAttribute(end, ((pointed.at - from) / (to - from)) * WIDE);
  }
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect(), at = from + ((event.clientX - box.left) / box.width) * (to - from);
    pointed = data.reduce((best, one) => (best === null || Math.abs(one.at - at) < Math.abs(best.at - at) ? one : best), null);
    told();
  });
  svg.addEventListener("pointerleave", () => { pointed = null; told(); });

  return {
    element,
    update(all, over) {
      data = all.filter((one) => lines.some(([name]) => one[name] !== null));
      svg.replaceChildren();
      element.classList.toggle("bare", data.length < 2);
      element.hidden = over && data.length < 2;
      if (data.length < 2) {
        say(value, figures(data.at(-1)));
        say(top, ""); say(ends[0], "no course yet"); say(ends[1], "");
        svg.setAttribute("aria-label", `${title}: nothing to draw yet`);
        return;
      }
      [from, to] = [data[0].at, data.at(-1).at];
      const ceiling = limit ? data.at(-1)[limit] : null;
      const peak = Math.max(...data.flatMap((one) => lines.map(([name]) => one[name] ?? 0)));
      // Near a limit the limit is the scale; far below it would only flatten the line.
      const limited = ceiling && peak > ceiling * 0.4;
      const high = limited ? Math.max(ceiling, peak) : round(Math.max(peak, least));
      const x = (at) => ((at - from) / (to - from)) * WIDE, y = (n) => HIGH - PAD - (n / high) * (HIGH - 2 * PAD);
      const fixed = (n) => Math.round(n * 10) / 10;
      lines.forEach(([name], i) => {
        const points = data.filter((one) => one[name] !== null).map((one) => `${fixed(x(one.at))} ${fixed(y(one[name]))}`);
        if (points.length < 2) return;
        if (area) svg.append(shape("path", { class: "area", d: `M${points.join("L")}L${points.at(-1).split(" ")[0]} ${HIGH}L${points[0].split(" ")[0]} ${HIGH}Z` }));
        svg.append(shape("path", { class: `line line-${i}`, d: `M${points.join("L")}`, "vector-effect": "non-scaling-stroke" }));
      });
      if (limited) svg.append(shape("line", { class: "ceiling", x1: 0, x2: WIDE, y1: y(ceiling), y2: y(ceiling), "vector-effect": "non-scaling-stroke" }));
      svg.append(cursor);
      say(top, limited ? `limit ${show(ceiling)}` : show(high));
      say(ends[0], timeOfDay(from)); say(ends[1], timeOfDay(to));
      svg.setAttribute("aria-label", `${title} from ${timeOfDay(from)} to ${timeOfDay(to)}: now ${figures(data.at(-1))}, at most ${show(peak)}${ceiling ? `, limit ${show(ceiling)}` : ""}`);
      told();
    },
  };
}

/** All charts of a job: `update(samples)`. */
export function charts() {
  const all = CHARTS.map(chart);
  let drawn = "";
  return {
    element: make("div", { class: "charts" }, all.map((one) => one.element)),
    /** `over`: nothing more will come, so that what has no course is left out. Gives whether anything is shown. */
    update(samples, over) {
      const key = `${samples.version} ${over}`;
      if (key !== drawn) for (const one of all) one.update(samples.all, over);
      drawn = key;
      return all.some((one) => !one.element.hidden);
    },
  };
}
