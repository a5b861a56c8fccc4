// The pane of the tables: a look into each, and each to take away.

import { address, get, request, save } from "./api.js";
import { tell, trouble } from "./dialogs.js";
import { button, fill, make, plain } from "./dom.js";
import { bytes, count, ended, some } from "./format.js";

const FORMATS = [["parquet", "Parquet"], ["arrow", "Arrow"], ["jsonl", "JSON Lines"], ["csv", "CSV"]];
const LOOK = 20;
const CELL = 160;
/** The list follows a running job at most this often. */
const EVERY = 3000;

const cell = (value) => (value === null || value === undefined ? "" : plain(typeof value === "object" ? JSON.stringify(value) : value, CELL));

export function tablesPane(body, model) {
  const head = make("p", { class: "hint" }), list = make("ul", { class: "tables" }), look = make("section", { class: "card", "aria-labelledby": "look-title", tabindex: "-1", hidden: true });
  const card = make("section", { class: "card", "aria-labelledby": "tables-title" }, make("h2", { id: "tables-title" }, "Tables"), head, list);
  let epoch = -1, stopped = false, loading = false, last = 0, timer = 0;

  function download(table, format, label) {
    const path = `${model.path}/tables/${encodeURIComponent(table)}?format=${format}`, name = `${table}.${format}`;
    const properties = { class: "button small", "aria-label": `${table} as ${label}` };
    // A link lets the browser write while it reads; it cannot send a token.
    if (!model.context.system()?.auth) return make("a", { ...properties, href: address(path).href, download: name }, label);
    return button(label, async (event) => {
      const pressed = event.currentTarget;
      pressed.disabled = true;
      try { await save(path, name); } catch (error) { tell("", error); } finally { pressed.disabled = false; }
    }, properties);
  }

  async function peek(table) {
    look.hidden = false;
    fill(look, make("h2", { id: "look-title" }, plain(table, 80)), make("p", { class: "loading" }, "Loading rows"));
    look.focus({ preventScroll: true });
    look.scrollIntoView({ block: "nearest" });
    try {
      const text = await (await request(`${model.path}/tables/${encodeURIComponent(table)}?format=jsonl&limit=${LOOK}`)).text();
      if (stopped) return;
      const rows = text.split("\n").filter((line) => line.trim()).slice(0, LOOK).map((line) => JSON.parse(line));
      const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
      const grid = make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `Rows of ${table}` }, make("table", {},
        make("thead", {}, make("tr", {}, columns.map((name) => make("th", { scope: "col" }, plain(name, 60))))),
        make("tbody", {}, rows.map((row) => make("tr", {}, columns.map((name) => make("td", { dir: "auto", class: typeof row[name] === "number" ? "number" : null }, cell(row[name]))))))));
      fill(look, make("h2", { id: "look-title" }, plain(table, 80)), rows.length ? [make("p", { class: "hint" }, `The first ${some(rows.length, "row")}.`), grid] : make("p", { class: "hint" }, "This table has no rows."));
    } catch (error) {
      if (!stopped) fill(look, make("h2", { id: "look-title" }, plain(table, 80)), trouble(error instanceof SyntaxError ? { title: "The rows cannot be shown", detail: "Take the table away instead." } : error, () => peek(table)));
    }
  }

  async function load() {
    if (loading || stopped) return;
    // Before the first epoch there is nothing to ask for.
    if (!model.published()) {
      fill(body, make("section", { class: "card empty" }, make("h2", {}, "No tables yet"), make("p", {}, ended(model.job) ? "The job ended before anything was published." : "They appear together when the first epoch is published, and grow with each further one.")));
      return;
    }
    loading = true;
    last = Date.now();
    try {
      const got = await get(`${model.path}/tables`);
      if (stopped) return;
      epoch = got.epoch;
      head.textContent = `As of epoch ${count(got.epoch)}. ${got.complete ? "Everything is in." : "Not complete: more may follow."}`;
      const focus = list.contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
      fill(list, got.tables.map((table) => make("li", {},
        make("div", {}, make("h3", {}, plain(table.name, 80)), make("p", { class: "soft" }, `${some(table.rows, "row")}, ${bytes(table.bytes)}`)),
        make("div", { class: "buttons" }, button("Look", () => peek(table.name), { class: "button small", "aria-label": `Look into ${table.name}` }), FORMATS.map(([format, label]) => download(table.name, format, label))))));
      if (focus) list.querySelector(`[aria-label="${CSS.escape(focus)}"]`)?.focus();
      if (!card.isConnected) fill(body, card, look);
    } catch (error) {
      if (stopped || epoch >= 0) return;
      fill(body, trouble(error, load));
    } finally {
      loading = false;
    }
  }

  fill(body, make("p", { class: "loading" }, "Loading the tables"));
  load();
  return {
    update() {
      if (!(epoch < 0 ? model.published() : model.epoch > epoch) || loading || timer) return;
      timer = setTimeout(() => { timer = 0; load(); }, Math.max(0, last + EVERY - Date.now()));
    },
    stop() { stopped = true; clearTimeout(timer); },
  };
}
