// Numbers, money, times and states in words.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const hour = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });

const known = (n) => typeof n === "number" && Number.isFinite(n);

export const count = (n) => (known(n) ? whole.format(n) : "–");
/** From 10,000 on in three digits: 1.23M. */
export const brief = (n) => (known(n) ? (Math.abs(n) < 10000 ? whole.format(n) : short.format(n)) : "–");
export const percent = (share) => (known(share) ? `${Math.round(share * 100)}%` : "–");
export const some = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;

/** Dollars as the command line prints them: cents for dollars, more digits for less. */
export function money(usd) {
  if (!known(usd)) return "unknown";
  if (usd === 0) return "$0";
  return `$${usd.toFixed(usd < 0.01 ? 6 : usd < 1 ? 4 : 2)}`;
}

/** A length of time: 4 min 50 s. */
export function lasting(seconds) {
  if (!known(seconds)) return "–";
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${String(s % 60).padStart(2, "0")} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${String(Math.floor(s / 60) % 60).padStart(2, "0")} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor(s / 3600) % 24} h`;
}

/** Seconds of a call: 18.2 s. */
export const brisk = (seconds) => (known(seconds) ? `${seconds < 10 ? seconds.toFixed(seconds < 1 ? 2 : 1) : Math.round(seconds)} s` : "–");

export function bytes(n) {
  if (!known(n)) return "–";
  const units = ["B", "kB", "MB", "GB", "TB"];
  let at = 0;
  while (n >= 1000 && at < units.length - 1) { n /= 1000; at++; }
  return `${at === 0 || n >= 100 ? Math.round(n) : n.toFixed(1)} ${units[at]}`;
}

/** Date and time where the reader is. */
export function when(stamp) {
  const date = new Date(stamp ?? NaN);
  return Number.isNaN(date.getTime()) ? "–" : day.format(date);
}
export const timeOfDay = (ms) => hour.format(new Date(ms));

/** A place in a recording: 0:12:07. */
export function place(ms) {
  const s = Math.floor(ms / 1000), two = (n) => String(n).padStart(2, "0");
  return `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
}

export const words = (name) => String(name ?? "").replaceAll("_", " ");

export const STATES = {
  queued: "Queued", running: "Running", paused: "Paused", complete: "Complete", failures: "Some failed",
  incomplete: "Incomplete", failed: "Failed", cancelled: "Cancelled",
};
const ENDED = new Set(["complete", "failures", "incomplete", "failed", "cancelled"]);
export const ended = (job) => ENDED.has(job.state);

/** What a job reads, as `[kind, name]`. */
export function input(job) {
  const from = job.input ?? {};
  if (from.samples) return ["Samples", "sample transcripts"];
  if (from.folder) return ["Folder", from.folder];
  if (from.collection) return ["Collection", from.collection];
  return ["Input", "–"];
}

/** Chunks that this run is done with, well or not, and all of them; those that were known are among them. */
export function done(progress) {
  const p = progress ?? {}, asked = p.asked ?? 0, answered = p.answered ?? 0, known = p.cached ?? 0;
  const failed = Math.min(p.chunks?.failed ?? 0, Math.max(0, asked - answered));
  let total = asked + known, at = answered + failed + known;
  // A run that finds nothing changed asks and looks up nothing: what is published is all there.
  if (total === 0 && p.chunks?.total > 0) {
    total = p.chunks.total;
    at = total - (p.chunks.pending ?? 0) - (p.chunks.unasked ?? 0);
  }
  return { at, total, failed, share: total > 0 ? Math.min(1, at / total) : 0, growing: p.listed === false };
}

/** Whether the price of what was called is unknown; where nothing was called there is no price to know. */
export const unpriced = (progress) => progress?.price_known === false && progress.calls > 0;

export const failures = (progress) => Object.values(progress?.failures ?? {}).reduce((sum, n) => sum + n, 0);
