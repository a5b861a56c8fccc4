// One job: how far it is, what can be done with it, and its panes.

import { get, post, remove } from "./api.js";
import { confirm, raise, tell, trouble } from "./dialogs.js";
import { button, fill, make, plain, said, say } from "./dom.js";
import { Samples } from "./charts.js";
import { follow } from "./events.js";
import { findingsPane } from "./findings.js";
import { failuresPane } from "./failures.js";
import { STATES, brief, count, done, ended, failures, input, lasting, money, percent, some, unpriced, when } from "./format.js";
import { bar, meter, pill, source, tile } from "./parts.js";
import { progressPane } from "./progress.js";
import { tablesPane } from "./tables.js";

const PANES = [["progress", "Progress", progressPane], ["findings", "Findings", findingsPane], ["failures", "Failures", failuresPane], ["tables", "Tables", tablesPane]];
/** Progress is spoken at most this often. */
const SPEAK = 20000;
const NOTES = 200;

/** What may be done with a job in a state. */
function actions(job) {
  const { state } = job;
  return [
    ["running", "queued"].includes(state) && "pause",
    ["paused", "incomplete", "failed", "cancelled"].includes(state) && "resume",
    ["queued", "running", "paused"].includes(state) && "cancel",
    ended(job) && "delete",
  ].filter(Boolean);
}

/** The head: name, state, bar, figures. */
function head(act) {
  const state = make("span"), title = make("h1", {}), meta = make("p", { class: "soft" }), buttons = make("div", { class: "buttons" });
  const reason = make("p", { class: "note", hidden: true });
  const big = make("p", { class: "big" }), pace = make("p", { class: "soft" }), progress = bar("Chunks answered");
  const cost = tile("Cost"), requests = meter("Requests a minute", "in the last minute"), tokens = meter("Tokens a minute", "in the last minute");
  const use = tile("Utilisation"), flight = tile("Calls in flight"), failed = tile("Failures");
  const made = tile("Calls"), spent = tile("Tokens");
  const element = make("section", { class: "card job", "aria-label": "Job" },
    make("div", { class: "job-top" }, make("div", { class: "job-name" }, make("p", { class: "crumbs" }, make("a", { href: "#/" }, "Jobs"), " / ", state), title, meta), buttons),
    reason, big, progress.element, pace,
    make("h2", { class: "unseen" }, "Figures"), make("div", { class: "tiles" }, cost.element, tokens.element, requests.element, use.element, flight.element, made.element, spent.element, failed.element));
  let shown = "", offered = "";
  return {
    element, title,
    update(job, p) {
      if (shown !== job.state) { fill(state, pill(job.state)); shown = job.state; }
      if (!title.hasChildNodes()) fill(title, said(job.dataflow, 80));
      fill(meta, ...source(job, 160), " · ", said(job.model ?? job.provider ?? "", 80), ` · ${when(job.created_at)}`, job.run > 1 ? ` · run ${count(job.run)}` : "", job.priority ? ` · priority ${job.priority}` : "");
      const can = actions(job).join();
      if (can !== offered) {
        offered = can;
        const names = { pause: "Pause", resume: "Resume", cancel: "Cancel", delete: "Delete" };
        fill(buttons, actions(job).map((one) => button(names[one], (event) => act(one, event.currentTarget), { class: one === "delete" || one === "cancel" ? "button quiet-danger" : one === "resume" ? "button primary" : "button" })));
      }
      const why = job.reason ? plain(job.reason, 1000) : p.held ? `Waiting: ${plain(p.held, 200)}${p.held_until ? `; the next call on ${when(p.held_until)}` : ""}.` : "";
      reason.hidden = !why;
      reason.dataset.state = job.state;
      say(reason, why);
      const chunks = done(p);
      fill(big, chunks.total || ended(job) ? [make("span", { class: "figure" }, brief(chunks.at)), ` of ${brief(chunks.total)}${chunks.growing && job.state === "running" ? "+" : ""} chunks`, make("span", { class: "soft" }, chunks.total ? ` · ${percent(Math.floor(chunks.share * 100) / 100)}` : "")] : job.state === "queued" ? "Waiting for its turn" : "Reading the files");
      progress.update(p, job.state === "running");
      const parts = [];
      if (job.state === "running") {
        parts.push(typeof p.left_s === "number" ? `about ${lasting(p.left_s)} left` : "time left not known yet");
        if (typeof p.rate_per_minute === "number") parts.push(`${brief(p.rate_per_minute)} chunks a minute`);
        if (chunks.growing) parts.push("still listing files");
      }
      if (p.elapsed_s > 0) parts.push(`${ended(job) ? "took" : "running for"} ${lasting(p.elapsed_s)}`);
      if (p.cached > 0) parts.push(`${some(p.cached, "chunk", "chunks")} known before, not paid for`);
      if (p.epoch > 0) parts.push(`epoch ${count(p.epoch)} published`); else if (ended(job) && p.chunks?.total > 0) parts.push("nothing changed: the tables are as they were");
      say(pace, parts.join(" · "));
      const cap = job.caps?.cost_usd, capped = typeof cap === "number" ? `cap ${money(cap)}` : "no cap", run = job.run > 1 ? "of this run" : "";
      const priced = !unpriced(p);
      cost.update(priced ? money(p.cost_usd ?? 0) : "unknown", !priced ? "the price of this model is not known" : [typeof p.projected_usd === "number" && !ended(job) ? `about ${money(p.projected_usd)} at the end` : "", run, capped].filter(Boolean).join(", "));
      tokens.update(p.tokens?.used ?? 0, p.tokens?.limit);
      requests.update(p.requests?.used ?? 0, p.requests?.limit);
      use.update(percent(p.utilisation ?? 0), p.binding ? `bound by ${plain(p.binding, 60)}` : "");
      flight.update(count(p.in_flight ?? 0), `${some(p.waiting ?? 0, "chunk waits", "chunks wait")}`);
      const bad = failures(p);
      failed.update(count(bad), bad ? "see Failures" : "nothing failed");
      failed.element.classList.toggle("bad", bad > 0);
      made.update(brief(p.calls ?? 0), p.faults ? `${some(p.faults, "fault")} among them` : "");
      spent.update(brief((p.input_tokens ?? 0) + (p.output_tokens ?? 0)), `${brief(p.input_tokens ?? 0)} in, ${brief(p.output_tokens ?? 0)} out`);
      // Figures of the last minute mean nothing once all is over.
      for (const one of [tokens, requests, use, flight]) one.element.hidden = ended(job);
      for (const one of [made, spent]) one.element.hidden = !ended(job);
    },
  };
}

export function jobView(main, context, id, rest) {
  const path = `jobs/${encodeURIComponent(id)}`;
  const model = { id, path, job: null, progress: {}, samples: new Samples(), notes: [], epoch: 0, context };
  let stopped = false, stream = null, pane = null, paneName = "", frame = 0, spoken = 0, noted = "", wanted = rest;
  const top = head(act), links = new Map(), body = make("div", { class: "pane" });
  const nav = make("nav", { class: "tabs", "aria-label": "Job" }, PANES.map(([name, label]) => {
    const link = make("a", { href: `#/jobs/${encodeURIComponent(id)}/${name}` }, label);
    links.set(name, link);
    return link;
  }));
  fill(main, make("p", { class: "loading" }, "Loading the job"));

  const time = (stamp) => new Date(stamp ?? NaN).getTime();
  /** `stamp`: when it happened; a replay that does not say it is dated by the progress before it. */
  function note(text, stamp) {
    model.notes.unshift({ at: time(stamp) || model.samples.all.at(-1)?.at || Date.now(), text });
    model.notes.length = Math.min(model.notes.length, NOTES);
  }

  function draw() {
    frame = 0;
    if (stopped || !model.job) return;
    top.update(model.job, model.progress);
    const bad = failures(model.progress);
    say(links.get("failures"), bad ? `Failures (${count(bad)})` : "Failures");
    pane?.update?.();
    const chunks = done(model.progress), far = model.job.state === "running" && chunks.total ? `${percent(Math.floor(chunks.share * 100) / 100)} · ` : "";
    context.title(`${far}${model.job.dataflow}: ${input(model.job)[1]}`);
    speak();
  }
  const redraw = () => { frame ||= setTimeout(draw, 100); };

  function speak() {
    const now = Date.now(), chunks = done(model.progress);
    if (model.job.state !== "running" || now - spoken < SPEAK || !chunks.total) return;
    spoken = now;
    const left = typeof model.progress.left_s === "number" ? `, about ${lasting(model.progress.left_s)} left` : "";
    context.announce(`${percent(chunks.share)}, ${count(chunks.at)} of ${count(chunks.total)} chunks${left}`);
  }

  function take(job) {
    const before = model.job?.state;
    model.job = job;
    if (before) progress(job.progress); else model.progress = job.progress ?? {};
    model.epoch = Math.max(model.epoch, model.progress.epoch ?? 0);
    if (before && before !== job.state) {
      context.announce(`The job is now: ${STATES[job.state] ?? job.state}`);
      spoken = Date.now();
      if (ended(job)) context.refresh().catch(() => { /* The poll tries again. */ });
    }
    redraw();
  }
  function progress(p) {
    if (!p) return;
    model.samples.add(p, context.system());
    if (!(time(p.at) < time(model.progress.at))) model.progress = p;
    if (p.epoch > model.epoch) model.epoch = p.epoch;
    redraw();
  }

  function listen() {
    stream?.stop();
    stream = follow(id, {
      event(name, data) {
        if (stopped) return;
        if (name === "progress") progress(data);
        // What is kept is replayed first: a state of the past is history only.
        else if (name === "state") {
          if (data.state !== noted) {
            noted = data.state;
            note(`${STATES[data.state] ?? data.state}${data.reason ? `: ${plain(data.reason, 300)}` : ""}`, data.ended_at || data.progress?.at || data.created_at);
          }
          if (!(time(data.progress?.at) < time(model.progress.at))) take(data);
        }
        else if (name === "epoch") {
          model.epoch = Math.max(model.epoch, data.epoch ?? 0);
          const rows = Object.entries(data.rows ?? {}).filter(([, n]) => n > 0).slice(0, 4).map(([table, n]) => `${count(n)} ${plain(table, 30)}`);
          note(`Epoch ${count(data.epoch)} published${rows.length ? `: ${rows.join(", ")}` : ""}`, data.at);
        } else if (name === "note") note(plain(data.text, 500), data.at);
        redraw();
      },
      status(status) { context.stream(status === "closed" ? "" : status); },
      error(error) { if (!stopped) tell("", error); },
    }, () => model.job !== null && ended(model.job), stream?.last() ?? null);
  }

  async function load() {
    try {
      const job = await get(path);
      if (stopped) return;
      take(job);
      fill(main, top.element, nav, body);
      draw();
      go(wanted);
      listen();
    } catch (error) {
      if (!stopped) fill(main, make("div", { class: "heading" }, make("h1", {}, "Job")), trouble(error, load), make("p", {}, make("a", { href: "#/" }, "All jobs")));
    }
  }

  async function act(action, pressed) {
    let send = {};
    const { job } = model, name = input(job)[1];
    if (action === "cancel" && !(await confirm("Cancel this job?", ["Calls in flight are waited for and what was answered is kept; the rest is not asked.", "It can be resumed later."], "Cancel the job"))) return;
    if (action === "delete" && !(await confirm("Delete this job?", [make("span", {}, "The job on ", said(name, 120), " leaves the list, and its results can no longer be opened here."), "The service keeps what was published and what was paid for: asking the same again costs nothing."], "Delete the job"))) return;
    if (action === "resume" && job.state === "incomplete") {
      const answer = await raise(job.caps ?? {}, money(model.progress.cost_usd ?? 0));
      if (!answer) return;
      send = { caps: answer };
    }
    pressed.disabled = true;
    try {
      if (action === "delete") {
        await remove(path);
        tell("The job was deleted.");
        location.hash = "#/";
        return;
      }
      take(await post(`${path}/${action}`, send));
      if (action === "resume") listen();
    } catch (error) {
      tell("", error);
    } finally {
      pressed.disabled = false;
    }
  }

  /** Whether there are tables: those of an earlier job over the same input count, too. */
  model.published = () => model.epoch > 0 || model.progress.chunks?.total > 0;

  /** Asks failures again: of one reason, or all. */
  model.retry = async (reason, number) => {
    const cost = model.job.provider === "rules" ? "" : " This makes paid calls.";
    if (!(await confirm("Ask the failures again?", `${some(number, "chunk", "chunks")}${reason ? ` (${plain(reason, 60).replaceAll("_", " ")})` : ""} will be asked again.${cost}`, "Ask again", false))) return;
    try {
      take(await post(`${path}/retry-failures`, reason ? { reason } : {}));
      listen();
    } catch (error) {
      tell("", error);
    }
  };

  function go(parts) {
    wanted = parts;
    if (!model.job || !body.isConnected) return;
    const fallback = ended(model.job) && model.published() ? "findings" : "progress";
    const name = links.has(parts[0]) ? parts[0] : paneName && parts.length === 0 ? paneName : fallback;
    for (const [key, link] of links) if (key === name) link.setAttribute("aria-current", "page"); else link.removeAttribute("aria-current");
    if (name !== paneName) {
      pane?.stop?.();
      paneName = name;
      fill(body);
      pane = PANES.find(([key]) => key === name)[2](body, model);
    }
    pane.go?.(parts.slice(1));
  }

  load();
  return { go, stop() { stopped = true; clearTimeout(frame); stream?.stop(); pane?.stop?.(); } };
}
