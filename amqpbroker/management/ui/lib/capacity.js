// How a queue is used, and what the models forecast of it, side by side. Asking is what has the queue measured.

import { get, query } from "./api.js";
import { el, replace } from "./dom.js";
import { count, many } from "./format.js";
import { facts } from "./table.js";

const UNITS = [["d", 172_800, 86_400], ["h", 7_200, 3_600], ["min", 120, 60], ["s", 1, 1], ["ms", 1e-3, 1e-3], ["µs", 0, 1e-6]];
const PERCENTILES = ["50", "95", "99"];

const digits = (value) => (value >= 999.5 ? count(Math.round(value)) : String(Number(value.toPrecision(3))));
const known = (value) => value !== null && value !== undefined;

export function seconds(value) {
  if (!known(value)) return "–";
  const [unit, , size] = UNITS.find(([, least]) => value >= least * 0.9995);
  return value < 5e-8 ? "0 s" : `${digits(value / size)} ${unit}`;
}

export function speed(value) {
  if (!known(value)) return "–";
  const [unit, size] = [["s", 1], ["min", 60], ["h", 3600]].find(([, size]) => value * size >= 0.9995) ?? ["h", 3600];
  return `${digits(value * size)}/${unit}`;
}

const share = (value) => (known(value) ? `${digits(value * 100)} %` : "–");

export class Capacity {
  constructor(here, signal) {
    Object.assign(this, { here, signal, isOver: false });
    this.target = el("input", { type: "text", size: 7, placeholder: "a service", "aria-label": "the wait that is wanted", onchange: () => this.refresh() });
    this.figures = el("div", { class: "figures" });
    this.waits = el("div", { class: "scroll" });
    this.about = el("div", { class: "pad" });
    this.element = el(
      "section",
      { class: "card capacity" },
      el("div", { class: "toolbar" }, el("h2", {}, "Capacity"), el("span", { class: "grow" }), el("label", { class: "check" }, this.target, el("span", {}, "99 of 100 are to wait at most"))),
      this.figures,
      el("div", { class: "row2" }, this.waits, this.about),
    );
  }

  async refresh() {
    if (this.isOver) return;
    try {
      this.show(await get(`${this.here}/capacity${query({ target: this.target.value.trim() })}`, this.signal));
    } catch (error) {
      if (error.name === "AbortError") return;
      if (error.status !== 400 && error.status !== 501) throw error;
      this.isOver = error.status === 501;
      replace(this.about, el("p", { class: error.status === 400 ? "bad-text" : "none" }, error.message));
    }
  }

  show(one) {
    const { arrivals, services, forecast } = one;
    const needed = known(one.consumers_needed) ? count(one.consumers_needed) : "–";
    const figures = [
      ["arrivals λ", speed(arrivals.per_s)],
      ["a consumer’s speed μ", speed(services.per_s)],
      ["utilisation ρ", share(one.utilisation), one.utilisation >= 1 ? "bad-text" : one.utilisation > 0.9 ? "unacked" : null],
      ["consumers", count(one.consumers)],
      ["consumers needed", needed, one.consumers_needed > one.consumers ? "unacked" : null],
      ["until the backlog is gone", seconds(one.drain_mean_s)],
    ];
    replace(this.figures, figures.map(([title, value, color]) => el("div", {}, el("small", {}, title), el("b", { class: color ?? null }, value))));
    replace(this.waits, waits(one));
    replace(
      this.about,
      one.in_words.map((sentence, at) => el("p", { class: at ? "muted" : { good: "acked", rough: "unacked" }[one.trust] }, sentence)),
      facts(
        ["variation", `${digits(arrivals.variation)} of arrivals, ${digits(services.variation)} of services`],
        ["measured", `${many(arrivals.count, "message")} in ${seconds(one.watched_s)}`],
        forecast && ["messages that wait", share(forecast.wait_probability)],
        known(one.target_wait_s) && ["needed for", `${one.target_percentile} of 100 waiting at most ${seconds(one.target_wait_s)}`],
      ),
    );
  }
}

function waits({ measured_wait: measured, forecast }) {
  const rows = [
    ["mean", measured?.mean_s, forecast?.wait_mean_s],
    ...PERCENTILES.map((share) => [`${share} of 100 at most`, measured?.percentiles_s[share], forecast?.wait_percentiles_s[share]]),
  ];
  return el(
    "table",
    { "aria-label": "Waits" },
    el("thead", {}, el("tr", {}, el("th", {}, "Wait"), el("th", { class: "right" }, "measured"), el("th", { class: "right" }, forecast ? `forecast, ${forecast.model}` : "forecast"))),
    el("tbody", {}, rows.map(([title, ...values]) => el("tr", {}, el("td", {}, title), values.map((value) => el("td", { class: "right" }, seconds(value)))))),
  );
}
