// The picture: entities as circles, relations as lines between them. The same data gives the same picture.

import { plain, shape } from "./dom.js";
import { count, words } from "./format.js";

export const KINDS = ["person", "organization", "place", "product", "event", "work", "date", "time", "money", "percent", "quantity", "other"];
export const kindClass = (kind) => `kind-${KINDS.includes(kind) ? kind : "other"}`;

const ROUNDS = 320;
const LABEL = 24;
/** In the rows below there is less room. */
const SHORT = 13;

/** A place to begin at that follows from the id alone, so that an entity keeps its corner from epoch to epoch. */
function seed(id) {
  let hash = 2166136261;
  for (const c of String(id)) hash = Math.imul(hash ^ c.codePointAt(0), 16777619) >>> 0;
  return [(hash & 0xffff) / 0xffff, (hash >>> 16) / 0xffff];
}

/** Stretches what was laid out to the box, with room for labels. */
function settle(points, wide, high) {
  for (const [axis, size, before, after] of [["x", wide, 48, 48], ["y", high, 36, 30]]) {
    const low = Math.min(...points.map((p) => p[axis])), top = Math.max(...points.map((p) => p[axis]));
    for (const p of points) p[axis] = top - low < 1 ? size / 2 : before + ((p[axis] - low) / (top - low)) * (size - before - after);
  }
}

/** Springs: relations pull, all push, the middle attracts. The steps get smaller until all rest. */
function rest(points, lines, wide, high) {
  // The distance at which a push and a pull are equal.
  const ideal = 0.7 * Math.sqrt((wide * high) / points.length);
  for (let round = 0; round < ROUNDS; round++) {
    const step = (wide / 8) * (1 - round / ROUNDS) ** 2 + 0.3;
    for (const p of points) {
      p.dx = ((wide / 2 - p.x) * ideal * 1.6) / wide;
      p.dy = ((high / 2 - p.y) * ideal * 1.6) / high;
    }
    for (let i = 0; i < points.length; i++) {
      for (let j = 0; j < i; j++) {
        const p = points[i], q = points[j], dx = p.x - q.x || 0.1, dy = p.y - q.y || 0.1;
        const push = (ideal * ideal) / Math.max(dx * dx + dy * dy, 25);
        p.dx += dx * push; p.dy += dy * push; q.dx -= dx * push; q.dy -= dy * push;
      }
    }
    for (const { a, b, relation } of lines) {
      const dx = b.x - a.x, dy = b.y - a.y;
      const pull = (Math.hypot(dx, dy) / ideal) * 0.3 * Math.min(2, 1 + Math.log2(relation.evidence || 1) / 3);
      a.dx += dx * pull; a.dy += dy * pull; b.dx -= dx * pull; b.dy -= dy * pull;
    }
    for (const p of points) {
      const far = Math.hypot(p.dx, p.dy) || 1, move = Math.min(far, step) / far;
      p.x += p.dx * move;
      p.y += p.dy * move;
    }
  }
}

/**
 * Places for entities: those with relations by springs, the others in rows below. Gives the points, the lines, where
 * the rows begin (null without any), and the height of it all.
 */
export function layout(entities, relations, wide) {
  const most = Math.max(1, ...entities.map((one) => one.mentions));
  const points = entities.map((entity) => ({ entity, x: 0, y: 0, r: (wide < 560 ? 4 : 5) + (wide < 560 ? 8 : 12) * Math.sqrt(entity.mentions / most), dx: 0, dy: 0 }));
  const by = new Map(points.map((point) => [point.entity.id, point]));
  const lines = relations.map((relation) => ({ relation, a: by.get(relation.source), b: by.get(relation.target) })).filter(({ a, b }) => a && b && a !== b);
  const tied = new Set(lines.flatMap(({ a, b }) => [a, b])), free = points.filter((p) => !tied.has(p));
  const bound = [...tied];
  let high = 0;
  if (bound.length) {
    high = Math.round(wide < 560 ? wide * 1.05 : wide * Math.min(0.62, 0.34 + bound.length * 0.012));
    for (const p of bound) {
      const [a, b] = seed(p.entity.id);
      p.x = wide * (0.15 + 0.7 * a);
      p.y = high * (0.15 + 0.7 * b);
    }
    rest(bound, lines, wide, high);
    settle(bound, wide, high);
  }
  const rows = free.length && bound.length ? high + 8 : null;
  const across = Math.max(3, Math.floor(wide / 118)), top = high + (rows === null ? 20 : 44);
  free.forEach((p, i) => {
    p.x = (wide / across) * (0.5 + (i % across));
    p.y = top + Math.floor(i / across) * 54;
    p.below = true;
  });
  if (free.length) high = top + (Math.ceil(free.length / across) - 1) * 54 + 34;
  return { points, lines, rows, high };
}

const label = (p) => plain(p.entity.name, p.below ? SHORT : LABEL);

/** Which labels fit beside each other, and where; the most mentioned first. */
function labels(points, wide, size) {
  const boxes = points.map((p) => [p.x - p.r, p.y - p.r, p.x + p.r, p.y + p.r]);
  const shown = new Map();
  for (const p of [...points].sort((a, b) => b.entity.mentions - a.entity.mentions)) {
    const long = [...label(p)].length * size * 0.6, beside = p.r + 5, middle = p.y + size * 0.35;
    const below = [p.x, p.y + p.r + size + 1, "middle"];
    const places = p.below ? [below] : [[p.x, p.y - p.r - 5, "middle"], below, [p.x + beside, middle, "start"], [p.x - beside, middle, "end"]];
    for (const [x, y, anchor] of places) {
      const left = anchor === "middle" ? x - long / 2 : anchor === "start" ? x : x - long;
      const box = [left, y - size, left + long, y + 2];
      const taken = boxes.some((other) => other[0] < box[2] && box[0] < other[2] && other[1] < box[3] && box[1] < other[3]);
      if (!p.below && (taken || left < 2 || left + long > wide - 2)) continue;
      boxes.push(box);
      shown.set(p, { x, y, anchor });
      break;
    }
  }
  return shown;
}

/**
 * Draws into an SVG element. `link(kind, id)` gives the address of an entity ("e") or a relation ("r"); `chosen` is the
 * id of one of them. One stop for the Tab key: arrows go from circle to circle.
 */
export function draw(svg, graph, link, chosen, wide) {
  const focused = svg.contains(document.activeElement) ? document.activeElement.dataset.id : null;
  const { points, lines, rows, high } = layout(graph.entities, graph.relations, wide);
  const shown = labels(points, wide, 12);
  const near = new Set();
  for (const { a, b, relation } of lines) {
    if (a.entity.id === chosen || b.entity.id === chosen || relation.id === chosen) near.add(a.entity.id).add(b.entity.id);
  }
  const edges = lines.map(({ relation, a, b }) => {
    const lit = relation.id === chosen || a.entity.id === chosen || b.entity.id === chosen;
    const ends = { x1: a.x, y1: a.y, x2: b.x, y2: b.y };
    return shape("a", { href: link("r", relation.id), class: `edge${lit ? " lit" : ""}`, tabindex: "-1", "aria-hidden": "true" },
      shape("title", {}, `${plain(a.entity.name, 60)} ${plain(words(relation.predicate), 40)} ${plain(b.entity.name, 60)}`),
      shape("line", { class: "grip", ...ends }),
      shape("line", { class: "seen", ...ends, "stroke-width": Math.min(4, 1 + Math.log2(relation.evidence || 1) * 0.8).toFixed(2) }));
  });
  const nodes = points.map((p) => {
    const { entity } = p;
    const dim = near.size && !near.has(entity.id) && entity.id !== chosen;
    return shape("a", {
      href: link("e", entity.id), class: `node ${kindClass(entity.kind)}${dim ? " dim" : ""}`, tabindex: "-1",
      "data-id": entity.id, "aria-label": `${plain(entity.name, 80)}, ${entity.kind}, ${count(entity.mentions)} mentions`, ...(entity.id === chosen ? { "aria-current": "true" } : {}),
    },
      shape("title", {}, `${plain(entity.name, 200)}, ${entity.kind}, ${count(entity.mentions)} mentions`),
      shape("circle", { cx: p.x.toFixed(1), cy: p.y.toFixed(1), r: p.r.toFixed(1) }));
  });
  // A label stands beside its link, not in it: it may be cut, and the link's name is not.
  const names = points.map((p) => {
    const at = shown.get(p) ?? { x: Math.min(wide - 80, Math.max(80, p.x)), y: p.y - p.r - 5, anchor: "middle" };
    return shape("text", { class: shown.has(p) ? null : "quiet",  x: at.x.toFixed(1), y: at.y.toFixed(1), "aria-hidden": "true", "text-anchor": at.anchor }, label(p));
  });
  svg.setAttribute("viewBox", `0 0 ${wide} ${high}`);
  const parting = rows === null ? [] : [
    shape("line", { class: "rule", x1: 0, x2: wide, y1: rows, y2: rows }),
    shape("text", { class: "aside", x: 0, y: rows + 15 }, "Not related to the others"),
  ];
  svg.replaceChildren(...parting, ...edges, ...nodes.flatMap((node, i) => [node, names[i]]));
  const places = new Map(points.map((p, i) => [nodes[i], p]));
  const stop = nodes.find((node) => node.dataset.id === (focused ?? chosen)) ?? nodes[0];
  stop?.setAttribute("tabindex", "0");
  if (focused !== null && stop?.dataset.id === focused) stop.focus({ preventScroll: true });
  svg.onkeydown = (event) => walk(event, nodes, places);
}

/** Goes to the nearest circle in the direction of the arrow. */
function walk(event, nodes, places) {
  const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  const from = nodes.find((node) => node === document.activeElement);
  if (!way || !from) return;
  event.preventDefault();
  const a = places.get(from);
  let best = null, least = Infinity;
  for (const node of nodes) {
    const b = places.get(node), along = (b.x - a.x) * way[0] + (b.y - a.y) * way[1], aside = Math.abs((b.x - a.x) * way[1]) + Math.abs((b.y - a.y) * way[0]);
    if (along <= 1) continue;
    const cost = along + aside * 2;
    if (cost < least) [best, least] = [node, cost];
  }
  if (!best) return;
  from.setAttribute("tabindex", "-1");
  best.setAttribute("tabindex", "0");
  best.focus();
}
