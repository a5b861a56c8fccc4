// A new job: what to read, what to make of it, what it may cost; what it would take, before it starts.

import { post, send } from "./api.js";
import { trouble } from "./dialogs.js";
import { button, field, fill, make, plain, said, say } from "./dom.js";
import { bytes, count, lasting, money, percent, some } from "./format.js";
import { facts } from "./parts.js";
import { uploader } from "./upload.js";

const SOURCES = [
  ["upload", "Upload", "Files of this computer"],
  ["folder", "Folder", "A folder of the server"],
  ["collection", "Collection", "What was uploaded before"],
  ["samples", "Samples", "Six short transcripts"],
];

/** A key of this attempt: sent again, it makes no second job. */
function attempt() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function collectionName() {
  const now = new Date(), two = (n) => String(n).padStart(2, "0");
  return `upload-${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}-${two(now.getHours())}${two(now.getMinutes())}`;
}

/** A plan in words; the service may give it as the command line does. */
function planned(plan, cap, free) {
  const guess = plan.estimate ?? {}, chunks = plan.chunks ?? {};
  const files = Array.isArray(plan.files) ? plan.files.length : plan.files;
  const asked = plan.new ?? chunks.new ?? 0, known = plan.cached ?? chunks.cached ?? 0;
  const calls = plan.calls ?? guess.calls, tokens = plan.tokens ?? guess.input_tokens;
  const cost = plan.cost_usd ?? guess.cost_usd ?? null, minutes = plan.minutes ?? guess.minutes_at_least;
  const [low, high] = Array.isArray(cost) ? cost : [cost?.low, cost?.high];
  const range = (from, to, show) => (from === to ? show(from) : `${show(from)} to ${show(to)}`);
  const others = [["duplicate", chunks.duplicate], ["dropped", chunks.dropped], ["failed before", chunks.failed]].filter(([, n]) => n > 0);
  const out = [facts([
    ["Files", count(files)],
    ["Chunks", `${count(asked)} new, ${count(known)} known`, others.length ? make("span", { class: "soft" }, `, ${others.map(([name, n]) => `${count(n)} ${name}`).join(", ")}`) : null],
    calls === undefined || calls === null ? null : ["Calls", typeof calls === "object" ? range(calls.least, calls.most, count) : count(calls)],
    typeof tokens === "number" ? ["Tokens", count(tokens)] : null,
    ["Cost", low === undefined || low === null ? (free || asked === 0 ? "$0" : "unknown: the price of this model is not known") : range(low, high, money)],
    typeof minutes === "number" ? ["Time", minutes * 60 < 1 ? "a moment" : `at least ${lasting(minutes * 60)}`, make("span", { class: "soft" }, plan.binding ?? guess.bound ? `, bound by ${plain(plan.binding ?? guess.bound, 60)}` : "")] : null,
  ])];
  if (cap !== null && high > cap) out.push(make("p", { class: "note" }, `The cap of ${money(cap)} may be reached before everything is asked. The job then stops, keeps what it has, and can be resumed.`));
  if (guess.calibrated === false || plan.calibrated === false) out.push(make("p", { class: "hint" }, "A wide guess: few answers of this prompt and model are known yet."));
  if (known > 0) out.push(make("p", { class: "hint" }, `${some(known, "chunk is", "chunks are")} answered already and not paid for again.`));
  return out;
}

export function newView(main, context, query) {
  context.title("New job");
  let files = [], size = 0, key = attempt(), busy = null, uploaded = null, filled = false;
  const chosen = () => form.elements["source"]?.value ?? "upload";
  const name = make("input", { value: collectionName(), maxlength: "64", pattern: "[A-Za-z0-9_\\-][A-Za-z0-9_.\\-]*", required: true, spellcheck: "false", title: "Letters, digits, - _ and ., the first no dot" });
  const tooLarge = make("p", { class: "alert", role: "alert", hidden: true });
  const upload = uploader((all, total) => {
    files = all;
    size = total;
    uploaded = null;
    const most = context.system()?.max_upload_bytes;
    tooLarge.hidden = !(most && size > most);
    say(tooLarge, tooLarge.hidden ? "" : `That is ${bytes(size)}; this service takes ${bytes(most)} at once. Upload in parts to one collection, or put the files below a root of the server.`);
    changed();
  });
  const root = make("select", {}), below = make("input", { spellcheck: "false", placeholder: "2026/spring" }), collection = make("select", {});
  const panels = {
    upload: make("div", {}, upload.element, tooLarge, field("Keep as the collection", name, "Letters, digits, - _ and . (files are added if it exists).")),
    folder: make("div", { class: "pair" }, field("Root", root), field("Folder below it", below, "Leave it empty for all of the root.")),
    collection: field("Collection", collection),
    samples: make("p", { class: "hint" }, "Six transcripts about the restoration of a tide mill, carried by weir itself. With the model “rules” they need no key and cost nothing."),
  };
  const sources = make("div", { class: "choices" }, SOURCES.map(([value, label, hint]) => make("label", { class: "choice" },
    make("input", { type: "radio", name: "source", value, checked: value === "upload", onchange: showPanel }),
    make("span", {}, make("strong", {}, label), make("span", { class: "hint" }, hint)))));
  const dataflow = make("select", { required: true, onchange: changed }), about = make("span");
  const model = make("select", { onchange: changed });
  const number = (more) => make("input", { type: "number", min: "0", step: "any", inputmode: "decimal", oninput: changed, ...more });
  const cost = number({ placeholder: "no cap" }), calls = number({ step: "1", placeholder: "no cap" }), tokens = number({ step: "1", placeholder: "no cap" });
  const priority = number({ min: "-10", max: "10", step: "1", value: "0" });
  const preview = make("div", { class: "plan", "aria-live": "polite" }), problem = make("div", {}), sending = make("div", {});
  const start = make("button", { class: "button primary" }, "Start the job"), see = button("Preview the plan", showPlan);
  const form = make("form", { class: "two", onsubmit: submit },
    make("div", { class: "stack" },
      make("fieldset", { class: "card" }, make("legend", {}, "What to read"), sources, make("div", { class: "panel" }, Object.values(panels))),
      make("fieldset", { class: "card" }, make("legend", {}, "What to make of it"),
        make("div", { class: "pair" }, field("Dataflow", dataflow, about), field("Model", model, "“rules” needs no key and costs nothing; a model finds far more."))),
      make("fieldset", { class: "card" }, make("legend", {}, "What it may cost"),
        field("Cost cap in dollars", cost, "Reserved before each call, so that what is in flight cannot pass it. A service may insist on a cap."),
        make("details", {}, make("summary", {}, "More limits"), make("div", { class: "pair" }, field("Most calls", calls), field("Most tokens", tokens), field("Priority", priority, "From -10 to 10; higher goes first."))))),
    make("div", { class: "stack" }, make("section", { class: "card sticky", "aria-labelledby": "plan-title" },
      make("h2", { id: "plan-title" }, "The plan"), preview, sending, problem, make("div", { class: "buttons" }, see, start))));
  fill(main, make("div", { class: "heading" }, make("h1", {}, "New job")), form);
  for (const control of [name, root, below, collection]) control.addEventListener("input", changed);
  initial();

  function initial() {
    fill(preview, make("p", { class: "hint" }, "Preview what the job would take: chunks, calls, cost and minutes. A preview calls nothing."));
  }
  function changed() {
    key = attempt();
    fill(problem);
    initial();
    const chosenFlow = context.system()?.dataflows?.find((one) => one.name === dataflow.value);
    fill(about, chosenFlow ? said(chosenFlow.title, 200) : "");
  }
  function showPanel() {
    for (const [value, panel] of Object.entries(panels)) {
      panel.hidden = value !== chosen();
      // What is not shown is neither asked for nor checked.
      for (const control of panel.querySelectorAll("input:not([type=file]), select")) control.disabled = panel.hidden;
    }
    if (chosen() === "samples" && [...model.options].some((option) => option.value === "rules")) model.value = "rules";
    changed();
  }

  const options = (select, values, none) => fill(select, values.length ? values : make("option", { value: "" }, none));
  function offer(system) {
    if (filled) return;
    filled = true;
    options(dataflow, (system.dataflows ?? []).map((one) => make("option", { value: one.name }, plain(one.name, 80))), "none");
    fill(model, make("option", { value: "" }, "The default of this service"), (system.models ?? []).map((one) => make("option", { value: one }, plain(one, 80))));
    // The one with most to see, where there is no wish.
    if ([...dataflow.options].some((option) => option.value === "knowledge-graph")) dataflow.value = "knowledge-graph";
    options(root, (system.roots ?? []).map((one) => make("option", { value: one }, plain(one, 120))), "no root is configured");
    options(collection, (system.collections ?? []).map((one) => make("option", { value: one.name }, `${plain(one.name, 60)} (${some(one.files, "file")}, ${bytes(one.bytes)})`)), "none yet");
    if (query.get("collection")) {
      form.elements["source"].value = "collection";
      collection.value = query.get("collection");
    }
    showPanel();
  }

  function order() {
    const job = { dataflow: dataflow.value };
    if (model.value) job.model = model.value;
    const caps = {};
    for (const [cap, control] of [["cost_usd", cost], ["calls", calls], ["tokens", tokens]]) if (control.value !== "") caps[cap] = Number(control.value);
    if (Object.keys(caps).length) job.caps = caps;
    if (Number(priority.value)) job.priority = Number(priority.value);
    const from = chosen();
    if (from === "samples") job.samples = true;
    if (from === "collection") job.collection = collection.value;
    if (from === "folder") job.folder = [root.value.replace(/\/+$/, ""), below.value.trim().replace(/^\/+|\/+$/g, "")].filter(Boolean).join("/");
    if (from === "upload") job.collection = name.value.trim();
    return job;
  }

  /** Says what is missing; the browser's own checks have passed. */
  function missing() {
    const from = chosen();
    if (from === "upload" && files.length === 0) return "Choose files or a folder first.";
    if (from === "upload" && !tooLarge.hidden) return tooLarge.textContent;
    if (from === "collection" && !collection.value) return "There is no collection yet: upload files first.";
    if (from === "folder" && !root.value) return "This service has no root: whoever runs it names folders by --root.";
    return null;
  }

  /** Sends an order, with its files unless the service has them. */
  async function dispatch(path, more) {
    const job = order();
    if (chosen() !== "upload" || uploaded === job.collection) return post(path, job, more);
    const progress = make("progress", { max: "1", value: "0", "aria-label": "Upload" }), text = make("p", { class: "hint" }, "Uploading");
    busy = new AbortController();
    fill(sending, text, progress, button("Stop the upload", () => busy?.abort(), { class: "link" }));
    const told = (sent, total) => {
      progress.value = total ? sent / total : 0;
      say(text, sent < total ? `Uploading: ${bytes(sent)} of ${bytes(total)}, ${percent(sent / total)}` : "Uploaded; the service takes the files in");
    };
    try {
      return await send(path, job, files, told, busy.signal, more);
    } finally {
      fill(sending);
      busy = null;
    }
  }

  async function work(act) {
    fill(problem);
    if (!form.reportValidity()) return;
    const lacking = missing();
    if (lacking) { fill(problem, trouble({ title: lacking })); return; }
    start.disabled = see.disabled = true;
    try {
      await act();
    } catch (error) {
      fill(problem, trouble(error));
    } finally {
      start.disabled = see.disabled = false;
    }
  }

  function showPlan() {
    work(async () => {
      fill(preview, make("p", { class: "loading" }, "Reading the files"));
      try {
        const plan = await dispatch("plan", {});
        if (chosen() === "upload" && plan.collection) uploaded = plan.collection;
        fill(preview, ...planned(plan, cost.value === "" ? null : Number(cost.value), (model.value || plan.model || "").startsWith("rules")));
      } catch (error) {
        initial();
        if (chosen() === "upload" && error.status === 415) throw Object.assign(error, { title: "Not yet uploaded", detail: "This service plans files only once they are uploaded. Start the job with a low cost cap instead." });
        throw error;
      }
    });
  }

  function submit(event) {
    event.preventDefault();
    work(async () => {
      const job = await dispatch("jobs", { "idempotency-key": key });
      key = attempt();
      location.hash = `#/jobs/${encodeURIComponent(job.id)}`;
    });
  }

  // A file dropped beside the zone would otherwise replace the page.
  const stay = (event) => event.preventDefault();
  addEventListener("dragover", stay);
  addEventListener("drop", stay);
  // Whoever leaves now would lose the upload: the browser asks.
  const leaving = (event) => { if (busy) event.preventDefault(); };
  addEventListener("beforeunload", leaving);
  const off = context.onSystem(offer);
  showPanel();
  if (context.system()) offer(context.system());
  else context.refresh().catch((error) => fill(problem, trouble(error)));
  return { stop() { busy?.abort(); off(); removeEventListener("dragover", stay); removeEventListener("drop", stay); removeEventListener("beforeunload", leaving); } };
}
