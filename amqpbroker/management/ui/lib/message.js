// A message as people read it: body, properties, headers, the task in it if Celery sent it.

import { ask as question } from "./dialog.js";
import { ask, path } from "./api.js";
import { button, el, name, plain, replace } from "./dom.js";
import { moment, value } from "./format.js";
import { facts } from "./table.js";

const PRETTY_MAX = 262_144;

const octetsOf = (message) => Uint8Array.from(atob(message.body), (sign) => sign.charCodeAt(0));

// What is read of a body: {text, json}, or {octets}.
export function read(message) {
  if (message.body_encoding === "base64") return { octets: octetsOf(message) };
  if (!message.body_truncated && message.body.length <= PRETTY_MAX && /^\s*[[{"\d-]/.test(message.body)) {
    try {
      return { text: message.body, json: JSON.parse(message.body) };
    } catch {
      // It is text then.
    }
  }
  return { text: message.body };
}

// The task that Celery has put there, in either of its protocols; null: none.
export function task(message) {
  const { headers } = message;
  const { json } = read(message);
  if (typeof headers?.task === "string" && headers.id) {
    const [args, kwargs] = Array.isArray(json) ? json : [];
    return { ...headers, args: args ?? headers.argsrepr, kwargs: kwargs ?? headers.kwargsrepr };
  }
  return typeof json?.task === "string" && json.id && "args" in json ? json : null;
}

// The first of what is in it, for a line of a list.
export function preview(message) {
  const found = task(message);
  if (found) return el("span", { class: "preview" }, el("b", { class: "task" }, plain(found.task)), ` ${plain(values(found.args))} ${plain(values(found.kwargs))}`);
  if (!message.size_bytes) return el("span", { class: "preview none" }, "empty");
  if (message.body_encoding === "base64") return el("span", { class: "preview none" }, "binary");
  return el("span", { class: "preview" }, plain(message.body.slice(0, 300)));
}

const values = (what) => (what === undefined || what === null ? "" : value(what));

export function body(message) {
  const found = read(message);
  const place = el("pre", { class: "body" });
  const ways = [];
  if (found.json !== undefined) ways.push(["JSON", () => pretty(found.json)]);
  if (found.text !== undefined) ways.push(["Text", () => [found.text]]);
  ways.push(["Hex", () => [hex(found.octets ?? new TextEncoder().encode(found.text))]]);
  const show = (at) => {
    replace(place, ways[at][1]());
    [...tabs.children].forEach((tab, nth) => tab.setAttribute("aria-pressed", nth === at));
  };
  const tabs = el("span", { class: "tabs" }, ways.map(([title], at) => button(title, () => show(at))));
  show(0);
  return message.size_bytes ? [tabs, place] : [el("p", { class: "none" }, "The body is empty.")];
}

// JSON with its kinds of values marked, as nodes.
function pretty(json, indent = "") {
  if (json === null || typeof json !== "object") return [el("span", { class: `json-${json === null ? "null" : typeof json}` }, JSON.stringify(json))];
  const entries = Array.isArray(json) ? json.map((item) => [null, item]) : Object.entries(json);
  const [open, close] = Array.isArray(json) ? "[]" : "{}";
  if (!entries.length) return [open + close];
  const deeper = indent + "  ";
  return [
    open,
    ...entries.flatMap(([key, item], at) => [
      "\n" + deeper,
      ...(key === null ? [] : [el("span", { class: "json-key" }, JSON.stringify(key)), ": "]),
      ...pretty(item, deeper),
      at < entries.length - 1 ? "," : "",
    ]),
    "\n" + indent + close,
  ].filter((part) => part !== "");
}

function hex(octets) {
  const lines = [];
  for (let at = 0; at < Math.min(octets.length, 16_384); at += 16) {
    const row = [...octets.slice(at, at + 16)];
    const digits = row.map((octet) => octet.toString(16).padStart(2, "0")).join(" ");
    const signs = row.map((octet) => (octet >= 32 && octet < 127 ? String.fromCharCode(octet) : "·")).join("");
    lines.push(`${at.toString(16).padStart(6, "0")}  ${digits.padEnd(47)}  ${signs}`);
  }
  return lines.join("\n");
}

export function table(values) {
  return el(
    "dl",
    { class: "facts mono" },
    Object.entries(values).map(([key, what]) => [
      el("dt", {}, name(key)),
      el("dd", {}, what !== null && typeof what === "object" ? el("pre", {}, pretty(what)) : plain(value(what))),
    ]),
  );
}

export function taskCard(found) {
  return el(
    "section",
    { class: "celery" },
    el("h3", {}, "Celery task"),
    facts(
      ["task", name(found.task)],
      ["id", name(found.id)],
      ["args", el("code", {}, plain(values(found.args)))],
      ["kwargs", el("code", {}, plain(values(found.kwargs)))],
      ["eta", found.eta ? name(found.eta) : null],
      ["expires", found.expires ? name(String(found.expires)) : null],
      ["retries", found.retries ? String(found.retries) : null],
      ["origin", found.origin ? name(found.origin) : null],
      ["root", found.root_id && found.root_id !== found.id ? name(found.root_id) : null],
    ),
  );
}

// x-death: where it died before, and why, the newest first.
export function deaths(headers) {
  const found = headers?.["x-death"];
  if (!Array.isArray(found)) return null;
  return el(
    "section",
    {},
    el("h3", {}, "Died before"),
    el(
      "ol",
      { class: "deaths" },
      found.map((death) =>
        el("li", {}, el("b", { class: "bad-text" }, plain(death.reason ?? "")), " in ", name(death.queue ?? ""), death.count > 1 && ` ${death.count} times`, death.time && el("small", {}, ` ${moment(death.time * 1000)}`)),
      ),
    ),
  );
}

// Asks what to publish, and where; `message` is what it begins with.
export function publishDialog(vhost, message, title = "Publish") {
  const { headers, ...properties } = message.properties ?? {};
  const all = { ...properties, headers: message.headers ?? headers ?? {} };
  const binary = message.body_encoding === "base64";
  return question(
    title,
    [
      { name: "exchange", title: "Exchange", value: message.exchange ?? "", placeholder: "(default)" },
      { name: "routing_key", title: "Routing key", value: message.routing_key ?? "" },
      { name: "properties", title: "Properties and headers (JSON)", kind: "area", rows: 7, value: JSON.stringify(all, null, 2), wide: true },
      { name: "body", title: binary ? "Body (base64)" : "Body", kind: "area", rows: 9, value: message.body ?? "", wide: true },
    ],
    "Publish",
    async ({ exchange, routing_key, properties, body }) => {
      const content = { properties: parsed(properties), routing_key, payload: body, payload_encoding: binary ? "base64" : "string" };
      const { routed } = await ask("POST", path`/exchanges/${vhost}/${exchange || "amq.default"}/publish`, content);
      if (!routed) throw new Error("It was published, and no queue took it.");
    },
  );
}

export function parsed(text) {
  try {
    return JSON.parse(text || "{}");
  } catch (error) {
    throw new Error(`This is no JSON: ${error.message}`);
  }
}
