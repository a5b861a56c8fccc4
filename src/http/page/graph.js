// The picture: entities as circles, relations as lines between them. The same data gives the same picture.

import { plain, shape } from "./dom.js";
import { count, words } from "./format.js";

export const KINDS = ["person", "organization", "place", "product", "event", "work", "date", "time", "money", "percent", "quantity", "other"];
export const kindClass = (kind) => `kind-${KINDS.includes(kind) ? kind : "other"}`;

const ROUNDS = 320;
const LABEL = 24;

/** A place to begin at that follows from the id alone, so that an entity keeps its corner from epoch to epoch. */
function seed(id) {
  let hash = 2166136261;
  for (const c of String(id)) hash = Math.imul(hash ^ c.codePointAt(0), 16777619) >>> 0;
  return [(hash & 0xffff) / 0xffff, (hash >>> 16) / 0xffff];
}

/** Places for entities in a box: relations pull, all push, the middle attracts. */
export function layout(entities, relations, wide, high) {
  const most = Math.max(1, ...entities.map((one) => one.mentions));
  const points = entities.map((entity) => {
    const [a, b] = seed(entity.id);
    return { entity, x: wide * (0.15 + 0.7 * a), y: high * (0.15 + 0.7 * b), r: 5 + 13 * Math.sqrt(entity.mentions / most), dx: 0, dy: 0 };
  });
  const by = new Map(points.map((point) => [point.entity.id, point]));
  const lines = relations.map((relation) => ({ relation, a: by.get(relation.source), b: by.get(relation.target) })).filter(({ a, b }) => a && b && a !== b);
  const room = Math.sqrt((wide * high) / Math.max(points.length, 1)), wish = room * 0.8;
  for (let round = 0; round < ROUNDS; round++) {
    const step = (room / 3) * (1 - round / ROUNDS) ** 1.5 + 0.2;
    for (const p of points) {
      p.dx = (wide / 2 - p.x) * 0.035 * (high / wide);
      p.dy = (high / 2 - p.y) * 0.035 * (wide / high);
    }
    for (let i = 0; i < points.length; i++) {
      for (let j = 0; j < i; j++) {
        const p = points[i], q = points[j], dx = p.x - q.x || 0.1, dy = p.y - q.y || 0.1;
        const push = (room * room * 0.32) / (dx * dx + dy * dy + 40);
        p.dx += dx * push; p.dy += dy * push; q.dx -= dx * push; q.dy -= dy * push;
      }
    }
    for (const { a, b, relation } of lines) {
      const dx = b.x - a.x, dy = b.y - a.y, far = Math.hypot(dx, dy) || 1;
      const pull = ((far - wish) / far) * 0.05 * Math.min(3, 1 + Math.log2(relation.evidence || 1) / 2);
      a.dx += dx * pull; a.dy += dy * pull; b.dx -= dx * pull; b.dy -= dy * pull;
    }
    for (const p of points) {
      const far = Math.hypot(p.dx, p.dy) || 1, move = Math.min(far, step) / far;
      p.x = Math.min(wide - p.r - 6, Math.max(p.r + 6, p.x + p.dx * move));
      p.y = Math.min(high - p.r - 6, Math.max(p.r + 20, p.y + p.dy * move));
    }
  }
  return { points, lines };
}

const label = (name) => plain(name, LABEL);

/** Which labels fit beside each other; the most mentioned first. */
function labels(points, wide, size) {
  const boxes = points.map((p) => [p.x - p.r, p.y - p.r, p.x + p.r, p.y + p.r]);
  const shown = new Map();
  for (const p of [...points].sort((a, b) => b.entity.mentions - a.entity.mentions)) {
    const half = ([...label(p.entity.name)].length * size * 0.58) / 2;
    const x = Math.min(wide - half - 2, Math.max(half + 2, p.x));
    for (const y of [p.y - p.r - 5, p.y + p.r + size + 1]) {
      const box = [x - half, y - size, x + half, y + 2];
      if (boxes.some((other) => other[0] < box[2] && box[0] < other[2] && other[1] < box[3] && box[1] < other[3])) continue;
      boxes.push(box);
      shown.set(p, { x, y });
      break;
    }
  }
  return shown;
}

/**
 * Draws into an SVG element. `link(kind, id)` gives the address of an entity ("e") or a relation ("r"); `chosen` is the
 * id of one of them. One stop for the Tab key: arrows go from circle to circle.
 */
export function draw(svg, graph, link, chosen, wide, high) {
  const focused = svg.contains(document.activeElement) ? document.activeElement.dataset.id : null;
  const { points, lines } = layout(graph.entities, graph.relations, wide, high);
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
    const { entity } = p, at = shown.get(p) ?? { x: p.x, y: p.y - p.r - 5 };
    const dim = near.size && !near.has(entity.id) && entity.id !== chosen;
    return shape("a", {
      href: link("e", entity.id), class: `node ${kindClass(entity.kind)}${shown.has(p) ? "" : " quiet"}${dim ? " dim" : ""}`, tabindex: "-1",
      "data-id": entity.id, "aria-label": `${plain(entity.name, 80)}, ${entity.kind}, ${count(entity.mentions)} mentions`, ...(entity.id === chosen ? { "aria-current": "true" } : {}),
    },
      shape("title", {}, `${plain(entity.name, 200)}, ${entity.kind}, ${count(entity.mentions)} mentions`),
      shape("circle", { cx: p.x.toFixed(1), cy: p.y.toFixed(1), r: p.r.toFixed(1) }),
      shape("text", { x: at.x.toFixed(1), y: at.y.toFixed(1), "text-anchor": "middle" }, label(entity.name)));
  });
  svg.setAttribute("viewBox", `0 0 ${wide} ${high}`);
  svg.replaceChildren(...edges, ...nodes);
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
