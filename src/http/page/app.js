// The page: which view is shown, the theme, what the service says of itself.

import { Problem, get, request, tokensFrom } from "./api.js";
import { askToken, read, tell } from "./dialogs.js";
import { fill, make, plain, say } from "./dom.js";
import { lasting } from "./format.js";
import { jobView } from "./job.js";
import { jobsView } from "./jobs.js";
import { newView } from "./new.js";

const POLL = 5000;
const main = document.getElementById("main");
const listeners = new Set();
let system = null;
let view = null;
let viewKey = "";

/** What the views share. */
const context = {
  /** What the service last said of itself, or null. */
  system: () => system,
  /** Hears of each new answer; gives a function that ends it. */
  onSystem(listener) { listeners.add(listener); return () => listeners.delete(listener); },
  refresh: () => poll(false),
  /** One quiet line for screen readers. */
  announce(text) { say(document.getElementById("announce"), text); },
  /** The stream of a job: "live", "reconnecting", "closed" or "". */
  stream(status) { streaming = status; connection(); },
  title(text) {
    const title = text ? `${plain(text, 80)} · weir` : "weir";
    if (document.title !== title) document.title = title;
  },
};

let reached = true;
let streaming = "";
function connection() {
  const place = document.getElementById("connection");
  const text = !navigator.onLine && !reached ? "Offline" : !reached ? "Service not reached, trying again" : streaming === "reconnecting" ? "Reconnecting" : "";
  place.dataset.state = text ? "bad" : streaming;
  say(place, text || (streaming === "live" ? "Live" : ""));
}

async function poll(quiet = true) {
  try {
    system = await get("system", { quiet });
    reached = true;
    about();
    for (const listener of [...listeners]) listener(system);
  } catch (error) {
    reached = !(error instanceof Problem && error.status === 0);
    if (!quiet) throw error;
  } finally {
    connection();
  }
}

function about() {
  const up = system.started_at ? `, up for ${lasting((Date.now() - new Date(system.started_at)) / 1000)}` : "";
  say(document.getElementById("about"), `weir ${plain(system.version, 40)}${up}`);
  const banner = document.getElementById("banner");
  banner.hidden = !system.demo;
  say(banner, system.demo ? "Demonstration: a make-believe provider answers, and nothing is paid for." : "");
}

function route() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const parts = path.split("/").filter(Boolean).map((part) => { try { return decodeURIComponent(part); } catch { return part; } });
  const key = parts[0] === "jobs" && parts[1] ? `jobs/${parts[1]}` : parts[0] === "new" ? "new" : "";
  if (view && key === viewKey) {
    view.go?.(parts.slice(2), new URLSearchParams(query));
    return;
  }
  const first = view === null;
  view?.stop();
  viewKey = key;
  context.stream("");
  fill(main);
  scrollTo(0, 0);
  if (key === "new") view = newView(main, context, new URLSearchParams(query));
  else if (key) view = jobView(main, context, parts[1], parts.slice(2));
  else view = jobsView(main, context);
  for (const [id, here] of [["nav-jobs", key !== "new"], ["nav-new", key === "new"]]) {
    const link = document.getElementById(id);
    if (here) link.setAttribute("aria-current", id === "nav-jobs" && key ? "true" : "page"); else link.removeAttribute("aria-current");
  }
  if (!first) main.focus({ preventScroll: true });
}

const THEMES = ["auto", "light", "dark"];
function theme() {
  const place = document.documentElement, switcher = document.getElementById("theme");
  const show = () => {
    const now = place.dataset.theme ?? "auto";
    const name = { auto: "as the system", light: "light", dark: "dark" }[now];
    say(document.getElementById("theme-name"), `Theme: ${name}. Change`);
    switcher.title = `Theme: ${name}`;
  };
  switcher.addEventListener("click", () => {
    const next = THEMES[(THEMES.indexOf(place.dataset.theme ?? "auto") + 1) % THEMES.length];
    if (next === "auto") delete place.dataset.theme; else place.dataset.theme = next;
    try { localStorage.setItem("weir-theme", next); } catch { /* The choice holds until the page is left. */ }
    show();
    context.announce(`Theme: ${next === "auto" ? "as the system" : next}`);
  });
  show();
}

/** Where a token is wanted, a link could not send it: the numbers are fetched and shown here. */
document.getElementById("nav-metrics").addEventListener("click", async (event) => {
  if (!system?.auth || event.metaKey || event.ctrlKey) return;
  event.preventDefault();
  try {
    const response = await request(new URL("metrics", document.baseURI));
    read("Metrics", await response.text());
  } catch (error) {
    tell("", error);
  }
});
document.querySelector("a.skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});

tokensFrom(askToken);
theme();
addEventListener("hashchange", route);
addEventListener("online", () => poll());
addEventListener("offline", connection);
document.addEventListener("visibilitychange", () => { if (!document.hidden) poll(); });
setInterval(() => { if (!document.hidden) poll(); }, POLL);
poll(false).catch(() => { /* The view says what is wrong. */ }).finally(() => {
  if (!view) { main.replaceChildren(make("span")); route(); }
});
