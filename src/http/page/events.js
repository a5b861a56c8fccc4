// Events of a job, read with fetch (EventSource can send no token); resumed where they broke off.

import { request } from "./api.js";

/** A stream that is silent for longer is taken for dead: the service sends a comment every few seconds. */
const SILENCE = 45000;
const LONGEST = 15000;

/** Splits a stream of text into events; a line may end in CR, LF or both. */
export function parser(emit) {
  let rest = "", data = [], name = "", id = null;
  const line = (text) => {
    if (text === "") {
      if (data.length) emit({ id, name: name || "message", data: data.join("\n") });
      data = []; name = "";
      return;
    }
    if (text.startsWith(":")) return;
    const colon = text.indexOf(":");
    const key = colon < 0 ? text : text.slice(0, colon);
    const value = colon < 0 ? "" : text.slice(colon + 1).replace(/^ /, "");
    if (key === "data") data.push(value);
    else if (key === "event") name = value;
    else if (key === "id") id = value;
  };
  return (text) => {
    rest += text;
    // A CR at the very end may be half of a line end: it waits for what follows.
    for (let match; (match = /\r\n|\n|\r(?!$)/.exec(rest));) {
      line(rest.slice(0, match.index));
      rest = rest.slice(match.index + match[0].length);
    }
  };
}

/**
 * Follows a job until `stop()` of what this gives is called. `on.event(name, data)` for each event, `on.status` with
 * "live", "reconnecting" or "closed", `on.error(problem)` if it makes no sense to go on. `over()` says whether a stream
 * that closed was the last one; `since` is the id of the last event that is known.
 */
export function follow(job, on, over, since = null) {
  let stopped = false, last = since, tries = 0, control = null, wake = () => {};
  const online = () => { tries = 0; wake(); };
  addEventListener("online", online);

  async function read() {
    control = new AbortController();
    const mine = control;
    let timer = setTimeout(() => mine.abort(), SILENCE);
    try {
      const headers = { accept: "text/event-stream", ...(last === null ? {} : { "last-event-id": last }) };
      const response = await request(`jobs/${encodeURIComponent(job)}/events`, { signal: mine.signal, headers });
      // 204: all was told already.
      if (response.status === 204) return;
      on.status("live");
      const text = new TextDecoder(), reader = response.body.getReader();
      const push = parser((event) => {
        if (stopped) return;
        tries = 0;
        last = event.id ?? last;
        let data = null;
        try { data = JSON.parse(event.data); } catch { return; }
        on.event(event.name, data);
      });
      for (;;) {
        const { value, done } = await reader.read();
        clearTimeout(timer);
        if (done) return;
        timer = setTimeout(() => mine.abort(), SILENCE);
        push(text.decode(value, { stream: true }));
      }
    } finally {
      clearTimeout(timer);
    }
  }

  async function run() {
    while (!stopped) {
      try {
        await read();
        if (!stopped && over()) { on.status("closed"); return; }
      } catch (error) {
        if (stopped) return;
        if (error.status >= 400 && error.status < 500 && error.status !== 429) { on.error(error); return; }
      }
      if (stopped) return;
      on.status("reconnecting");
      const pause = Math.min(LONGEST, 500 * 2 ** tries++) * (0.75 + Math.random() / 2);
      await new Promise((resolve) => { wake = resolve; setTimeout(resolve, pause); });
    }
  }
  run();
  return { last: () => last, stop() { stopped = true; control?.abort(); wake(); removeEventListener("online", online); } };
}
