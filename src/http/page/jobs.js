// The list of jobs.

import { get, post } from "./api.js";
import { tell, trouble } from "./dialogs.js";
import { button, fill, make, said, say } from "./dom.js";
import { STATES, brief, bytes, count, done, ended, failures, lasting, money, percent, unpriced, when } from "./format.js";
import { bar, pill, source } from "./parts.js";

const POLL = 3000;
const PAGE = 50;

/** A row that is made once and kept up to date, so that the focus stays where it is. */
function row(job) {
  const state = make("span"), from = make("p", { class: "row-from" }), progress = bar("Progress"), at = make("p", { class: "row-at" }), cost = make("p", { class: "row-cost" });
  const link = make("a", { href: `#/jobs/${encodeURIComponent(job.id)}`, class: "row-name" }, said(job.dataflow, 80));
  const element = make("li", { class: "row" },
    make("div", { class: "row-what" }, make("h2", {}, link), from),
    make("div", { class: "row-state" }, state, make("p", { class: "soft" }, when(job.created_at))),
    make("div", { class: "row-progress" }, progress.element, at), cost);
  fill(from, ...source(job), make("span", { class: "soft" }, " · "), said(job.model ?? job.provider ?? "", 60));
  let shown = "";
  const update = (now) => {
    const p = now.progress ?? {}, chunks = done(p), bad = failures(p);
    if (now.state !== shown) { fill(state, pill(now.state)); shown = now.state; }
    progress.update(p, now.state === "running");
    const parts = [chunks.total ? `${brief(chunks.at)} of ${brief(chunks.total)}${chunks.growing ? "+" : ""} chunks` : now.state === "queued" ? "waiting for its turn" : ended(now) ? "nothing was asked" : "reading the files"];
    if (now.state === "running" && typeof p.left_s === "number") parts.push(`${lasting(p.left_s)} left`);
    if (bad) parts.push(`${count(bad)} failed`);
    say(at, parts.join(" · "));
    say(cost, !p.at ? "–" : unpriced(p) ? "cost unknown" : money(p.cost_usd ?? 0));
  };
  update(job);
  return { element, update };
}

export function jobsView(main, context) {
  context.title("Jobs");
  const rows = new Map();
  let next = null, stopped = false, loaded = false, more = 1;
  const list = make("ul", { class: "rows", "aria-label": "Jobs, newest first" });
  const state = make("select", { id: "by-state", onchange: () => { more = 1; load(true); } }, make("option", { value: "" }, "All states"), Object.entries(STATES).map(([value, text]) => make("option", { value }, text)));
  const machine = make("p", { class: "machine" }), body = make("div", {}, make("p", { class: "loading" }, "Loading the jobs"));
  const further = button("Show older jobs", () => { more += 1; load(false); });
  const bottom = make("div", { class: "buttons", hidden: true }, further);
  const filter = make("div", { class: "filter" }, make("label", { class: "unseen", for: "by-state" }, "Show only"), state);
  const heading = make("div", { class: "heading" }, make("div", {}, make("h1", {}, "Jobs"), machine), filter);
  fill(main, heading, body, bottom);

  function aboutMachine(system) {
    const jobs = system.jobs ?? {};
    const parts = [["running", "running"], ["queued", "queued"], ["paused", "paused"]].filter(([name]) => jobs[name] > 0).map(([name, text]) => `${count(jobs[name])} ${text}`);
    parts.push(`CPU ${percent((system.cpu_percent ?? 0) / 100)}`, `${bytes(system.memory_bytes)} of memory`, `${bytes(system.disk_free_bytes)} of disk free`);
    say(machine, parts.join(" · "));
  }

  async function samples(event) {
    const pressed = event.currentTarget;
    pressed.disabled = true;
    try {
      const job = await post("jobs", { dataflow: "knowledge-graph", samples: true, provider: "rules" });
      location.hash = `#/jobs/${job.id}`;
    } catch (error) {
      pressed.disabled = false;
      tell("", error);
    }
  }

  function empty() {
    if (state.value) return make("p", { class: "card hint" }, "No job is in this state.");
    return make("section", { class: "card empty" },
      make("img", { src: "assets/icon.svg", alt: "", width: "56", height: "56" }),
      make("h2", {}, "No jobs yet"),
      make("p", {}, "A job reads a folder of transcripts and turns it into tables: who and what is named, how they are related, who said so and when. Results appear while it runs."),
      make("div", { class: "buttons centre" }, button("Run the samples", samples, { class: "button primary" }), make("a", { class: "button", href: "#/new" }, "New job with your own files")),
      make("p", { class: "hint" }, "The samples are six short transcripts about a tide mill. They run by embedded rules: no key, no network, no cost."));
  }

  function show(jobs) {
    const ids = new Set(jobs.map((job) => job.id));
    for (const [id, { element }] of rows) if (!ids.has(id)) { element.remove(); rows.delete(id); }
    jobs.forEach((job, at) => {
      const known = rows.get(job.id);
      if (known) known.update(job); else rows.set(job.id, row(job));
      const { element } = rows.get(job.id);
      if (list.children[at] !== element) list.insertBefore(element, list.children[at] ?? null);
    });
    if (jobs.length === 0) fill(body, empty());
    else if (!list.isConnected) fill(body, list);
    // Nothing to filter where there is nothing.
    filter.hidden = jobs.length === 0 && !state.value;
    bottom.hidden = next === null;
  }

  let running = false;
  async function load(loud) {
    if (running) return;
    running = true;
    try {
      const wanted = state.value;
      let jobs = [], cursor = null;
      for (let page = 0; page < more; page++) {
        const query = new URLSearchParams({ limit: String(PAGE), ...(wanted ? { state: wanted } : {}), ...(cursor ? { cursor } : {}) });
        const answer = await get(`jobs?${query}`, { quiet: !loud });
        jobs = jobs.concat(answer.jobs);
        cursor = answer.next ?? null;
        if (!cursor) break;
      }
      if (stopped) return;
      next = cursor;
      loaded = true;
      if (wanted === state.value) show(jobs);
    } catch (error) {
      if (!stopped && (!loaded || loud)) fill(body, trouble(error, () => load(true)));
    } finally {
      running = false;
    }
  }

  const off = context.onSystem(aboutMachine);
  if (context.system()) aboutMachine(context.system());
  load(true);
  const timer = setInterval(() => { if (!document.hidden) load(false); }, POLL);
  return { stop() { stopped = true; off(); clearInterval(timer); } };
}
