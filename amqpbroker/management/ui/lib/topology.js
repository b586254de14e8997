// A picture of bindings: exchanges in columns from left to right, as messages go, and the queues behind them.

import { el, plain, svg } from "./dom.js";
import { many } from "./format.js";

const BOX = { width: 170, height: 26 };
const GAP = { column: 120, row: 12 };
const SHOWN_MAX = 40;

const shortened = (text, most) => (text.length > most ? text.slice(0, most - 1) + "…" : text);
const key = (kind, name) => `${kind}:${name}`;

// bindings, alternates, left_out: as /api/topology tells them. hit: steps to be marked, as …/route tells them.
export function picture(vhost, { bindings, alternates, left_out: leftOut }, hit = [], alone = null) {
  const nodes = new Map();
  const node = (kind, name) => {
    const known = nodes.get(key(kind, name));
    if (known) return known;
    const made = { kind, name, column: 0, hit: false };
    nodes.set(key(kind, name), made);
    return made;
  };
  if (alone !== null) node("exchange", alone);
  const edges = new Map();
  const edge = (from, to, label, dashed) => {
    const id = `${key(from.kind, from.name)} ${key(to.kind, to.name)}`;
    const known = edges.get(id);
    if (known) known.labels.push(label);
    else edges.set(id, { from, to, labels: [label], dashed, hit: false });
  };
  for (const one of bindings) {
    if (nodes.size > SHOWN_MAX && !nodes.has(key(one.destination_type, one.destination))) {
      leftOut += 1;
      continue;
    }
    const conditions = Object.keys(one.arguments).length ? JSON.stringify(one.arguments) : "";
    edge(node("exchange", one.source), node(one.destination_type, one.destination), one.routing_key || conditions, false);
  }
  for (const one of alternates) edge(node("exchange", one.source), node("exchange", one.destination), "alternate", true);
  for (const step of hit) {
    const from = nodes.get(key("exchange", step.source));
    const to = nodes.get(key(step.destination_type, step.destination));
    if (!from || !to) continue;
    from.hit = to.hit = true;
    const way = edges.get(`${key("exchange", step.source)} ${key(step.destination_type, step.destination)}`);
    if (way) way.hit = true;
  }
  lay(nodes, edges);
  return [drawn(vhost, [...nodes.values()], [...edges.values()]), leftOut > 0 && el("p", { class: "muted" }, `${many(leftOut, "more binding")} not drawn.`)];
}

// An exchange stands to the right of those that lead to it, as far as they are no ring; queues stand at the right.
function lay(nodes, edges) {
  const exchanges = [...nodes.values()].filter((one) => one.kind === "exchange");
  for (let round = 0; round < Math.min(exchanges.length, 6); round += 1) {
    for (const { from, to } of edges.values()) {
      if (to.kind === "exchange" && to !== from && to.column <= from.column && from.column < 5) to.column = from.column + 1;
    }
  }
  const last = Math.max(0, ...exchanges.map((one) => one.column)) + 1;
  const rows = [];
  for (const one of nodes.values()) {
    if (one.kind === "queue") one.column = last;
    rows[one.column] = (rows[one.column] ?? 0) + 1;
    one.row = rows[one.column] - 1;
  }
  const most = Math.max(...rows.filter((count) => count));
  for (const one of nodes.values()) {
    one.x = one.column * (BOX.width + GAP.column) + 2;
    one.y = (one.row + (most - rows[one.column]) / 2) * (BOX.height + GAP.row) + 2;
  }
}

function drawn(vhost, nodes, edges) {
  const width = Math.max(...nodes.map((one) => one.x)) + BOX.width + 4;
  const height = Math.max(...nodes.map((one) => one.y)) + BOX.height + 4;
  return el(
    "div",
    { class: "scroll" },
    svg("svg", { class: "topology", width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "Exchanges, queues and their bindings" }, edges.toSorted((one, other) => one.hit - other.hit).map(line), nodes.map((one) => box(vhost, one))),
  );
}

function line({ from, to, labels, dashed, hit }) {
  const [x1, y1] = [from.x + BOX.width, from.y + BOX.height / 2];
  const [x2, y2] = [to.x, to.y + BOX.height / 2];
  const bend = Math.max(40, Math.abs(x2 - x1) / 2);
  const label = labels.length > 1 ? `${labels.length} bindings` : labels[0];
  return svg(
    "g",
    { class: hit ? "hit" : null },
    svg("title", {}, labels.slice(0, 30).map(plain).join("\n")),
    svg("path", { class: "edge", d: `M${x1} ${y1} C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`, "stroke-dasharray": dashed ? "4 3" : null }),
    svg("text", { class: "key", x: x2 - 6, y: y2 - 4, "text-anchor": "end" }, shortened(plain(label), 16)),
  );
}

function box(vhost, { kind, name, x, y, hit }) {
  const href = `#/${kind}s/${encodeURIComponent(vhost)}/${encodeURIComponent(name || "amq.default")}`;
  return svg(
    "a",
    { href, class: `${kind} ${hit ? "hit" : ""}` },
    svg("title", {}, `${kind} ${plain(name)}`),
    svg("rect", { class: "box", x, y, width: BOX.width, height: BOX.height, rx: kind === "queue" ? 4 : 13 }),
    svg("text", { x: x + 10, y: y + 17 }, shortened(plain(name || "(default)"), 21)),
  );
}
