// The pane of what was found: the picture, the same as a list, and who said it.

import { get } from "./api.js";
import { trouble } from "./dialogs.js";
import { button, fill, make, plain, said, say, shape } from "./dom.js";
import { count, ended, place, some, words } from "./format.js";
import { KINDS, draw, kindClass } from "./graph.js";

const TOP = 40;
/** The picture follows a running job at most this often. */
const EVERY = 8000;
const FIRST = 8;

const MATCHES = { normalised: "matches up to blanks and case", fuzzy: "matches approximately", none: "not found in the text" };

/** A passage: the quote in its context, who said it, when and where. */
function passage(one) {
  const cite = [
    one.speaker ? said(one.speaker, 80) : "speaker not named",
    typeof one.start_ms === "number" ? ` at ${place(one.start_ms)}` : "",
    " in ", one.title ? [said(one.title, 120), " (", said(one.path, 160), ")"] : said(one.path, 160),
  ];
  const doubt = MATCHES[one.match];
  return make("li", { class: "passage" },
    make("blockquote", {}, make("p", { dir: "auto" }, make("span", { class: "context" }, plain(one.before, 1200)), make("mark", {}, plain(one.quote, 3000)), make("span", { class: "context" }, plain(one.after, 1200)))),
    make("p", { class: "cite" }, ...cite.flat(), doubt ? make("span", { class: one.match === "none" ? "tag bad" : "tag" }, doubt) : null));
}

/** Passages, the first few at once. */
function passages(all, total, none) {
  if (all.length === 0) return make("p", { class: "hint" }, none);
  const list = make("ol", { class: "passages" }, all.slice(0, FIRST).map(passage));
  const rest = all.slice(FIRST);
  const more = rest.length ? button(`Show ${some(rest.length, "more passage")}`, (event) => {
    const added = rest.map(passage);
    list.append(...added);
    event.currentTarget.remove();
    added[0].tabIndex = -1;
    added[0].focus();
  }) : null;
  return [list, more, total > all.length ? make("p", { class: "hint" }, `The first ${count(all.length)} of ${count(total)}; the tables hold all.`) : null].filter(Boolean);
}

export function findingsPane(body, model) {
  const here = `#/jobs/${encodeURIComponent(model.id)}/findings`;
  const link = (kind, id) => `${here}/${kind}/${encodeURIComponent(id)}`;
  const svg = shape("svg", { class: "graph", role: "group", "aria-label": "Entities and relations. Arrow keys go from one to the next, Enter opens it; the list below holds the same." });
  const legend = make("ul", { class: "legend", "aria-label": "Kinds" }), caption = make("p", { class: "hint" });
  const search = make("input", { type: "search", id: "find-entity", autocomplete: "off", spellcheck: "false", oninput: list });
  const entities = make("ol", { class: "names" }), relations = make("ol", { class: "names" }), found = make("p", { class: "hint", role: "status" });
  const detail = make("section", { class: "card detail", tabindex: "-1", "aria-labelledby": "detail-title" });
  const picture = make("div", { class: "picture" }, svg);
  const left = make("div", { class: "stack" },
    make("section", { class: "card", "aria-labelledby": "picture-title" }, make("h2", { id: "picture-title" }, "Most mentioned, and how they are related"), picture, legend, caption),
    make("section", { class: "card", "aria-labelledby": "list-title", id: "as-list" }, make("h2", { id: "list-title" }, "As a list"),
      make("div", { class: "field" }, make("label", { for: "find-entity" }, "Search names"), search), found,
      make("div", { class: "halves" }, make("div", {}, make("h3", {}, "Entities"), entities), make("div", {}, make("h3", {}, "Relations"), relations))));
  const grid = make("div", { class: "findings" }, left, detail);
  let graph = null, chosen = null, loading = false, last = 0, stopped = false, request = null, width = 0, graphless = null, timer = 0;

  function nothing() {
    fill(detail, make("h2", { id: "detail-title" }, "Who said it"), make("p", { class: "hint" }, "Choose a circle, a line or a name: the passages it rests on show here, with speaker, time and place."));
  }

  function list() {
    const wanted = search.value.trim().toLowerCase(), names = new Map(graph.entities.map((one) => [one.id, one.name]));
    const matching = graph.entities.filter((one) => one.name.toLowerCase().includes(wanted));
    const among = graph.relations.filter((one) => !wanted || [names.get(one.source), names.get(one.target)].some((name) => name?.toLowerCase().includes(wanted)));
    const current = (id) => (id === chosen?.id ? { "aria-current": "true" } : {});
    fill(entities, matching.map((one) => make("li", {}, make("a", { href: link("e", one.id), ...current(one.id) },
      make("span", { class: `dot ${kindClass(one.kind)}` }), make("span", { class: "name" }, said(one.name, 60)), make("span", { class: "soft" }, `${one.kind}, ${count(one.mentions)}`)))));
    fill(relations, [...among].sort((a, b) => b.evidence - a.evidence).map((one) => make("li", {}, make("a", { href: link("r", one.id), ...current(one.id) },
      make("span", { class: "name" }, said(names.get(one.source), 40), make("span", { class: "soft" }, ` ${plain(words(one.predicate), 40)} `), said(names.get(one.target), 40)), make("span", { class: "soft" }, count(one.evidence))))));
    say(found, wanted ? `${some(matching.length, "entity", "entities")} and ${some(among.length, "relation")} found` : "");
  }

  function paint() {
    if (!graph || !picture.isConnected) return;
    const wide = Math.max(300, Math.min(1000, Math.round(picture.clientWidth)));
    width = wide;
    draw(svg, graph, link, chosen?.id ?? null, wide);
  }

  function show() {
    if (!grid.isConnected) { fill(body, grid); if (!chosen) nothing(); }
    const kinds = KINDS.filter((kind) => graph.entities.some((one) => kindClass(one.kind) === kindClass(kind)));
    fill(legend, kinds.map((kind) => make("li", {}, make("span", { class: `dot ${kindClass(kind)}` }), kind)));
    say(caption, `The ${some(graph.entities.length, "entity", "entities")} with most mentions and ${some(graph.relations.length, "relation")} between them, as of epoch ${count(graph.epoch)}.`);
    paint();
    list();
  }

  function wait(text, title = "Nothing to show yet") {
    fill(body, make("section", { class: "card empty" }, make("h2", {}, title), make("p", {}, ...[text].flat())));
  }

  async function load() {
    if (loading || stopped) return;
    // Before the first epoch there is nothing to ask for.
    if (!model.published()) {
      wait(ended(model.job) ? "The job ended before anything was published." : "The first results show here as soon as an epoch is published.");
      return;
    }
    loading = true;
    last = Date.now();
    try {
      graphless ??= !(await get(`${model.path}/tables`)).tables.some((table) => table.name === "entities");
      if (stopped) return;
      if (graphless) { wait(["What this dataflow found is in ", make("a", { href: here.replace(/findings$/, "tables") }, "the tables"), "."], "No picture"); return; }
      const got = await get(`${model.path}/graph?top=${TOP}`);
      if (stopped) return;
      graph = got;
      if (graph.entities.length === 0) wait("No entity was found so far.");
      else show();
    } catch (error) {
      if (!stopped && !graph) fill(body, trouble(error, load));
    } finally {
      loading = false;
    }
  }

  function relation(one) {
    const names = [said(one.source_name, 60), make("span", { class: "soft" }, ` ${plain(words(one.predicate), 40)} `), said(one.target_name, 60)];
    return make("li", {}, make("a", { href: link("r", one.id) }, make("span", { class: "name" }, names), make("span", { class: "soft" }, `${count(one.evidence)}×`)));
  }

  const close = () => make("p", { class: "detail-close" }, make("a", { href: here }, "Back to all"));

  async function open(kind, id) {
    chosen = { kind, id };
    request?.abort();
    request = new AbortController();
    if (graph?.entities.length) { paint(); list(); }
    fill(detail, make("h2", { id: "detail-title" }, "Loading"), make("p", { class: "loading" }, "Loading"));
    if (!grid.isConnected && graph) fill(body, grid);
    detail.focus({ preventScroll: true });
    if (matchMedia("(max-width: 900px)").matches) detail.scrollIntoView({ block: "start" });
    try {
      const got = await get(`${model.path}/${kind === "e" ? "entities" : "relations"}/${encodeURIComponent(id)}?limit=50`, { signal: request.signal });
      if (stopped || chosen?.id !== id) return;
      if (kind === "e") {
        const { entity } = got, aliases = (got.aliases ?? entity.aliases ?? []).filter((one) => one !== entity.name);
        fill(detail, close(), make("h2", { id: "detail-title" }, make("span", { class: `dot ${kindClass(entity.kind)}` }), said(entity.name, 300)),
          make("p", { class: "soft" }, `${entity.kind}, ${some(entity.mentions, "mention")} in ${some(entity.documents, "document")}`),
          aliases.length ? make("p", { class: "soft" }, "also ", ...aliases.slice(0, 12).flatMap((one, i) => [i ? ", " : "", said(one, 60)])) : null,
          make("h3", {}, `Relations (${count(got.relations.length)})`),
          got.relations.length ? make("ol", { class: "names" }, got.relations.map((one) => relation(one))) : make("p", { class: "hint" }, "No relation was stated."),
          make("h3", {}, "Named here"), passages(got.mentions, entity.mentions, "No passage is kept."));
      } else {
        const one = got.relation, names = new Map((graph?.entities ?? []).map((each) => [each.id, each.name]));
        const end = (name, ref) => { const shown = said(name ?? names.get(ref) ?? "…", 120); return ref ? make("a", { href: link("e", ref) }, shown) : shown; };
        fill(detail, close(), make("h2", { id: "detail-title" }, end(one.source_name, one.source ?? one.source_id), make("span", { class: "soft" }, ` ${plain(words(one.predicate), 60)} `), end(one.target_name, one.target ?? one.target_id)),
          make("p", { class: "soft" }, `said ${some(got.evidence.length, "time")}`),
          passages(got.evidence, one.evidence ?? got.evidence.length, "No passage is kept."));
      }
    } catch (error) {
      if (stopped || error.name === "AbortError") return;
      fill(detail, close(), make("h2", { id: "detail-title" }, "Not shown"), trouble(error, () => open(kind, id)));
    }
  }

  const observer = new ResizeObserver(() => { if (graph && Math.abs(picture.clientWidth - width) > 24) paint(); });
  observer.observe(picture);
  fill(body, make("p", { class: "loading" }, "Loading what was found"));
  const ready = load();
  return {
    async go([kind, id]) {
      await ready;
      if (stopped) return;
      if ((kind === "e" || kind === "r") && id) {
        if (chosen?.id !== id) open(kind, id);
      } else if (chosen) {
        const from = [...entities.querySelectorAll("a"), ...relations.querySelectorAll("a")].find((one) => one.getAttribute("href") === link(chosen.kind, chosen.id));
        chosen = null;
        request?.abort();
        nothing();
        paint();
        list();
        if (from) [...left.querySelectorAll(".names a")].find((one) => one.getAttribute("href") === from.getAttribute("href"))?.focus();
      }
    },
    update() {
      const behind = graph ? model.epoch > graph.epoch : model.published() && !graphless;
      // While something is read, the picture stays; it follows once nothing is chosen.
      if (!behind || chosen || loading || timer) return;
      timer = setTimeout(() => { timer = 0; if (!chosen) load(); }, Math.max(0, last + (ended(model.job) ? 1000 : EVERY) - Date.now()));
    },
    stop() { stopped = true; clearTimeout(timer); request?.abort(); observer.disconnect(); },
  };
}
