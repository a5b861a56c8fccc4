// The service's API: calls with the token, errors as the service words them, uploads, downloads.

const base = new URL("api/v1/", document.baseURI);
const KEY = "weir-token";
let askToken = null;
let asking = null;

/** What the service answered that is not success, or that it could not be reached (`status` 0). */
export class Problem extends Error {
  constructor(status, title, detail, errors = []) {
    super(detail || title);
    Object.assign(this, { status, title, detail, errors });
  }
}

/** Registers how a token is asked for: a function that gives a promise of a token, or of null. */
export function tokensFrom(ask) { askToken = ask; }

export function token() {
  try { return sessionStorage.getItem(KEY); } catch { return null; }
}
function keep(value) {
  try { sessionStorage.setItem(KEY, value); } catch { /* Without storage it is asked for again. */ }
}
export function forget() {
  try { sessionStorage.removeItem(KEY); } catch { /* Nothing was kept. */ }
}

const headers = (more) => (token() ? { ...more, authorization: `Bearer ${token()}` } : { ...more });
export const address = (path) => new URL(path, base);

function problem(status, text) {
  try {
    const body = JSON.parse(text);
    // A title that only repeats the status says nothing beside the detail.
    const title = body.detail && (body.type ?? "about:blank") === "about:blank" ? "" : body.title ?? `HTTP ${status}`;
    return new Problem(status, title, body.detail ?? "", Array.isArray(body.errors) ? body.errors : []);
  } catch {
    return new Problem(status, `The service answered ${status}`, text.slice(0, 300));
  }
}
const unreachable = () => new Problem(0, "The service cannot be reached", "Is weir serve still running? This page goes on trying.");

/** Asks for a token once, however many calls want one. `used` is the one that was refused. */
async function renew(used) {
  if (token() && token() !== used) return true;
  asking ??= askToken(used !== null).finally(() => { asking = null; });
  const given = await asking;
  if (given) keep(given);
  return Boolean(given);
}

/** A response that is a success; throws a [Problem]. A 401 asks for the token and tries again, unless `quiet`. */
export async function request(path, { quiet = false, ...options } = {}) {
  for (;;) {
    const used = token();
    let response;
    try {
      response = await fetch(address(path), { ...options, headers: headers(options.headers), cache: "no-store" });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw unreachable();
    }
    if (response.ok) return response;
    if (response.status === 401 && !quiet && (await renew(used))) continue;
    throw problem(response.status, await response.text().catch(() => ""));
  }
}

export async function get(path, options = {}) {
  return (await request(path, options)).json();
}

export async function post(path, body = {}, more = {}) {
  const response = await request(path, {
    method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json", ...more },
  });
  return response.json();
}

export async function remove(path) {
  await request(path, { method: "DELETE" });
}

/** Sends a job (or a plan) with its files; `progress(sent, total)` is told how far it is, `signal` ends it. */
export async function send(path, job, files, progress, signal, more = {}) {
  const form = new FormData();
  form.append("job", new Blob([JSON.stringify(job)], { type: "application/json" }));
  for (const { file, path: name } of files) form.append("file", file, name);
  for (;;) {
    const used = token();
    const { status, text } = await new Promise((resolve, reject) => {
      // fetch cannot tell how much of a body is sent.
      const call = new XMLHttpRequest();
      call.open("POST", address(path));
      for (const [name, value] of Object.entries(headers(more))) call.setRequestHeader(name, value);
      call.upload.addEventListener("progress", (event) => progress(event.loaded, event.total));
      call.addEventListener("load", () => resolve({ status: call.status, text: call.responseText }));
      call.addEventListener("error", () => reject(unreachable()));
      call.addEventListener("abort", () => reject(new Problem(0, "Stopped", "The upload was stopped; no job was made.")));
      signal.addEventListener("abort", () => call.abort(), { once: true });
      call.send(form);
    });
    if (status >= 200 && status < 300) return JSON.parse(text);
    if (status === 401 && (await renew(used))) continue;
    throw problem(status, text);
  }
}

/** Saves what an address gives under a name: a link cannot send a token. */
export async function save(path, name) {
  const response = await request(path), blob = await response.blob();
  // The service knows better what it gave.
  const given = /filename="([^"/\\]+)"/.exec(response.headers.get("content-disposition") ?? "")?.[1];
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = given ?? name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
