// A chart of the last minutes: lines over time, drawn as SVG, so that style.css colours it in light and dark.

import { el, replace, svg } from "./dom.js";
import { clock, rate, short } from "./format.js";

// It begins with a minute and grows with what is known.
const SPAN_MIN_S = 60;
const SPAN_MAX_S = 300;
const HEIGHT = 190;
const EDGE = { left: 48, right: 10, top: 10, bottom: 22 };
const MARKS = 4;

// series: {title, key, color: a colour's class in style.css}.
export class Chart {
  constructor(title, series, { rates = false } = {}) {
    this.series = series;
    this.shown = rates ? rate : short;
    this.points = []; // {at_s, values: by key}
    this.figures = series.map(() => el("b", {}, "–"));
    this.place = el("div", { class: "plot", onpointermove: (event) => this.point(event), onpointerleave: () => this.point(null) });
    this.when = el("small");
    this.element = el(
      "figure",
      { class: "card chart" },
      el(
        "figcaption",
        {},
        el("h3", {}, title),
        el("ul", { class: "legend" }, series.map((one, at) => el("li", {}, el("i", { class: `dot ${one.color}` }), one.title, " ", this.figures[at]))),
        this.when,
      ),
      this.place,
    );
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this.place);
    this.pointed = null;
  }

  add(at_s, values) {
    this.points.push({ at_s, values });
    while (this.points[0].at_s < at_s - SPAN_MAX_S) this.points.shift();
    this.draw();
  }

  // What was counted since the start: how fast it grows is what is shown.
  addCounts(at_s, counts) {
    const before = this.counted;
    if (before && at_s - before.at_s < 0.5) return; // too short a time says nothing of speed
    this.counted = { at_s, counts };
    if (!before) return;
    const speed = ({ key }) => [key, Math.max(0, (counts[key] - before.counts[key]) / (at_s - before.at_s))];
    this.add(at_s, Object.fromEntries(this.series.map(speed)));
  }

  draw() {
    const width = this.place.clientWidth;
    const last = this.points.at(-1);
    if (!last || width < 80) return;
    const most = round(Math.max(1, ...this.points.flatMap(({ values }) => this.series.map(({ key }) => values[key] ?? 0))));
    const span = Math.max(SPAN_MIN_S, last.at_s - this.points[0].at_s);
    const x = (at_s) => EDGE.left + ((at_s - last.at_s + span) / span) * (width - EDGE.left - EDGE.right);
    const y = (value) => HEIGHT - EDGE.bottom - (value / most) * (HEIGHT - EDGE.top - EDGE.bottom);
    this.x = x;
    const heights = Array.from({ length: MARKS + 1 }, (_, at) => (most * at) / MARKS).filter((value) => most >= MARKS || Number.isInteger(value));
    const ago = [1, 2, 3, 4, 5].map((step) => (span * (5 - step)) / 5);
    this.line = svg("line", { class: "cursor", y1: EDGE.top, y2: HEIGHT - EDGE.bottom });
    replace(
      this.place,
      svg(
        "svg",
        { width, height: HEIGHT, role: "img", "aria-label": this.series.map(({ title, key }) => `${title} ${this.shown(last.values[key])}`).join(", ") },
        heights.map((value) => [
          svg("line", { class: "grid", x1: EDGE.left, x2: width - EDGE.right, y1: y(value), y2: y(value) }),
          svg("text", { x: EDGE.left - 7, y: y(value) + 4, "text-anchor": "end" }, short(value)),
        ]),
        ago.map((before_s) => svg("text", { x: x(last.at_s - before_s), y: HEIGHT - 5, "text-anchor": before_s ? "middle" : "end" }, before_s ? `−${before_s < 100 ? Math.round(before_s) : Math.round(before_s / 10) * 10} s` : "now")),
        this.series.map(({ key, color }) => svg("polyline", { class: color, points: this.points.map(({ at_s, values }) => `${x(at_s).toFixed(1)},${y(values[key] ?? 0).toFixed(1)}`).join(" ") })),
        this.line,
      ),
    );
    this.tell();
  }

  // What was, where the pointer is; what is, where it is not.
  point(event) {
    this.pointed = event && event.clientX - this.place.getBoundingClientRect().left;
    this.tell();
  }

  tell() {
    const last = this.points.at(-1);
    if (!last || !this.x) return;
    const distance = ({ at_s }) => Math.abs(this.x(at_s) - this.pointed);
    const told = this.pointed === null ? last : this.points.reduce((near, one) => (distance(one) < distance(near) ? one : near), last);
    this.series.forEach(({ key }, at) => (this.figures[at].textContent = this.shown(told.values[key])));
    this.when.textContent = this.pointed === null ? "" : clock(told.at_s * 1000).slice(0, 8);
    this.line.setAttribute("x1", this.x(told.at_s));
    this.line.setAttribute("x2", this.x(told.at_s));
    this.line.classList.toggle("shown", this.pointed !== null);
  }

  end() {
    this.observer.disconnect();
  }
}

// What the API is asked for once, so that a chart begins with the last minute.
export const PAST = "?lengths_age=60&lengths_incr=5&msg_rates_age=60&msg_rates_incr=5";

// The past that it has told: sources: {key: [statistics, names of what is added up]}. Gives {at_s, values} from the
// oldest on, by this machine's clock.
export function past(sources) {
  const moments = new Map();
  for (const [key, [stats, ...names]] of Object.entries(sources)) {
    for (const { sample, timestamp } of names.flatMap((name) => stats?.[`${name}_details`]?.samples ?? [])) {
      const values = moments.get(timestamp) ?? {};
      values[key] = (values[key] ?? 0) + sample;
      moments.set(timestamp, values);
    }
  }
  const ordered = [...moments].sort(([one], [other]) => one - other);
  const late_ms = Date.now() - (ordered.at(-1)?.[0] ?? 0);
  const shift_ms = Math.abs(late_ms) > 10_000 ? late_ms - 1 : 0;
  return ordered.map(([ms, values]) => ({ at_s: (ms + shift_ms) / 1000, values }));
}

// A little more than that, which divides well.
function round(value) {
  const unit = 10 ** Math.floor(Math.log10(value));
  return unit * [1, 2, 4, 6, 8, 10].find((step) => step * unit >= value);
}
