// Numbers, sizes, times and durations for people.

const WHOLE = new Intl.NumberFormat("en");
const SHORT = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });

export const count = (value) => (value === undefined || value === null ? "–" : WHOLE.format(value));
export const short = (value) => (value === undefined || value === null ? "–" : value < 10_000 ? WHOLE.format(value) : SHORT.format(value));
export const rate = (value) =>
  value === undefined || value === null ? "–" : value === 0 ? "0/s" : value < 10 ? `${value.toFixed(1)}/s` : `${short(Math.round(value))}/s`;

export function bytes(value) {
  if (value === undefined || value === null || value < 0) return "–";
  for (const unit of ["B", "kB", "MB", "GB"]) {
    if (value < 1000 || unit === "GB") return `${unit === "B" || value >= 100 ? Math.round(value) : value.toFixed(1)} ${unit}`;
    value /= 1000;
  }
}

export function duration(ms) {
  if (ms === undefined || ms === null) return "–";
  const s = Math.floor(ms / 1000);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3600)} h`;
}

const two = (value) => String(value).padStart(2, "0");
export function clock(ms) {
  const at = new Date(ms);
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, "0")}`;
}
export function moment(ms) {
  const at = new Date(ms);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${clock(ms)}`;
}

export const many = (number, one, more = `${one}s`) => `${count(number ?? 0)} ${number === 1 ? one : more}`;

// A rate out of RabbitMQ's statistics: `publish` → publish_details.rate.
export const rateOf = (stats, name) => stats?.[`${name}_details`]?.rate;

export const value = (what) => (typeof what === "string" ? what : JSON.stringify(what));
