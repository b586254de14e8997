// The live inbox: the last messages and where they went. Looking takes nothing off any queue.

import { follow, get, path, query } from "../lib/api.js";
import { button, el, link, name, plain, replace } from "../lib/dom.js";
import { attempt, notice } from "../lib/dialog.js";
import { bytes, clock, count, moment } from "../lib/format.js";
import { body, deaths, preview, publishDialog, table, task, taskCard } from "../lib/message.js";
import { facts } from "../lib/table.js";

const ROWS_MAX = 400;
const PAGE = 100;
const OUTCOMES = {
  unroutable: ["dropped", "no queue was bound for it"],
  returned: ["returned", "no queue was bound for it, and its publisher had it back"],
  delayed: ["delayed", "it waits at the exchange"],
};

export async function show(root, parameters, page) {
  const rows = new Map();
  const list = el("div", { class: "inbox", role: "listbox", "aria-label": "Messages, the newest first", tabindex: 0 });
  const detail = el("aside", { class: "detail card", hidden: true, "aria-label": "The message chosen" });
  const status = el("span", { class: "live", role: "status" }, "…");
  const skippedNote = el("span", { class: "muted" });
  const search = el("input", { type: "search", placeholder: "Search in keys, queues, headers, bodies   /", "aria-label": "Search", value: parameters.search ?? "" });
  const pause = button("Pause", () => setPaused(!paused), { "aria-pressed": "false", title: "p" });
  const older = button("Older", () => attempt(loadOlder), { hidden: true });
  let chosen = null;
  let paused = false;
  let skipped = 0;
  let waiting = [];
  let planned = false;
  let before = null;
  let stopped = new AbortController();

  replace(
    root,
    el("div", { class: "toolbar" }, el("h1", {}, "Messages"), search, pause, button("Clear", clear), only("queue"), only("exchange"), status, skippedNote),
    el("div", { class: "split" }, el("section", { class: "card grow" }, list, el("div", { class: "actions" }, older)), detail),
  );

  const asked = () => ({ vhost: page.vhost, search: search.value, queue: parameters.queue, exchange: parameters.exchange });
  const says = (text, kind) => ((status.textContent = text), (status.className = `live ${kind}`));

  // What the page was asked to show alone, with a way to see all again.
  function only(kind) {
    return parameters[kind] === undefined ? null : el("span", { class: "chip" }, `${kind} `, name(parameters[kind], "(default)"), " ", link("#/messages", "×"));
  }

  async function start() {
    stopped.abort();
    stopped = new AbortController();
    rows.clear();
    replace(list);
    empty();
    const found = await get("/inbox/messages" + query({ ...asked(), limit: PAGE }), stopped.signal);
    for (const message of found.items.toReversed()) prepend(message);
    empty();
    before = found.before;
    older.hidden = !before;
    skipped = 0;
    follow((after) => "/inbox/events" + query({ ...asked(), after }), found.next_id - 1, take, () => says(paused ? "paused" : "live", paused ? "paused" : "on"), () => says("reconnecting", "off"), stopped.signal);
  }

  async function loadOlder() {
    const found = await get("/inbox/messages" + query({ ...asked(), limit: PAGE, before }));
    for (const message of found.items) add(message, false);
    before = found.before;
    older.hidden = !before;
  }

  function take(kind, what) {
    waiting.push([kind, what]);
    if (planned || paused) return;
    planned = true;
    requestAnimationFrame(settle);
  }

  // Once a frame, however much has come.
  function settle() {
    planned = false;
    const events = waiting;
    waiting = [];
    const messages = events.filter(([kind]) => kind === "message");
    const tooMany = messages.length - ROWS_MAX;
    messages.slice(Math.max(0, tooMany)).forEach(([, message]) => prepend(message));
    for (const [kind, what] of events) {
      if (kind === "states") what.forEach(change);
      if (kind === "skipped") skipped += what.count;
    }
    while (list.children.length > ROWS_MAX && list.lastElementChild.dataset.id !== String(chosen)) {
      rows.delete(Number(list.lastElementChild.dataset.id));
      list.lastElementChild.remove();
      older.hidden = false;
      before = Number(list.lastElementChild.dataset.id);
    }
    empty();
    skippedNote.textContent = skipped ? `${count(skipped)} more came too fast to be shown` : "";
  }

  function empty() {
    const note = list.querySelector(".empty");
    if (rows.size) note?.remove();
    else if (!note) replace(list, el("div", { class: "empty" }, el("p", {}, "No message yet."), el("p", {}, "What is published appears here at once. Nothing is consumed by looking.")));
  }

  const prepend = (message) => add(message, true);
  function add(message, isNew) {
    if (rows.has(message.id)) return;
    const row = line(message);
    rows.set(message.id, { message, row });
    if (isNew) list.prepend(row);
    else list.append(row);
  }

  function line(message) {
    const row = el(
      "div",
      { class: "row", role: "option", id: `message-${message.id}`, "data-id": message.id, onclick: () => choose(message.id) },
      el("time", { title: moment(message.time_ms) }, clock(message.time_ms)),
      el("span", { class: "way" }, name(message.exchange, "(default)"), el("i", { class: "arrow" }, "→"), name(message.routing_key, "(no key)")),
      el("span", { class: "chips" }, chips(message)),
      preview(message),
      el("span", { class: "size" }, bytes(message.size_bytes)),
    );
    return row;
  }

  function change({ id, states, reasons }) {
    const known = rows.get(id);
    if (!known) return;
    Object.assign(known.message, { states, reasons });
    replace(known.row.querySelector(".chips"), chips(known.message));
    if (id === chosen) replace(detail.querySelector(".way-picture"), picture(known.message));
  }

  function choose(id) {
    const known = rows.get(id);
    list.querySelector("[aria-selected=true]")?.setAttribute("aria-selected", "false");
    chosen = known ? id : null;
    detail.hidden = !known;
    if (!known) return;
    known.row.setAttribute("aria-selected", "true");
    list.setAttribute("aria-activedescendant", known.row.id);
    known.row.scrollIntoView({ block: "nearest" });
    replace(detail, inFull(known.message));
    if (known.message.body_truncated) {
      attempt(async () => {
        Object.assign(known.message, await get(path`/inbox/messages/${id}`));
        if (chosen === id) replace(detail, inFull(known.message));
      });
    }
  }

  function inFull(message) {
    const found = task(message);
    const { headers, properties } = message;
    return [
      el("div", { class: "toolbar" }, el("h2", {}, `Message ${message.id}`), el("span", { class: "grow" }), button("Publish again", () => again(message)), button("Copy body", () => copy(message)), button("×", () => choose(null), { "aria-label": "Close", class: "quiet" })),
      el("div", { class: "way-picture" }, picture(message)),
      facts(
        ["time", moment(message.time_ms)],
        page.vhost ? null : ["virtual host", name(message.vhost)],
        ["published by", message.user === null ? "the broker itself" : publisher(message)],
        ["size", `${count(message.size_bytes)} octets`],
      ),
      deaths(headers),
      found && taskCard(found),
      el("section", {}, el("h3", {}, "Body"), body(message), message.body_truncated && el("p", { class: "muted" }, "The rest of the body is not kept here.")),
      Object.keys(properties).length > 0 && el("section", {}, el("h3", {}, "Properties"), table(properties)),
      Object.keys(headers).length > 0 && el("section", {}, el("h3", {}, "Headers"), table(headers)),
    ];
  }

  async function again(message) {
    if (message.body_truncated) return notice("The body is not kept in full, so it cannot be published again.", "bad");
    const { user_id, ...properties } = message.properties;
    const { "x-death": _, ...headers } = message.headers;
    if (await publishDialog(message.vhost, { ...message, properties, headers }, "Publish again")) notice("Published");
  }

  const copy = (message) => attempt(() => navigator.clipboard.writeText(message.body), "Copied");

  function clear() {
    rows.clear();
    replace(list);
    choose(null);
    skipped = 0;
    settle();
  }

  function setPaused(is) {
    paused = is;
    pause.setAttribute("aria-pressed", is);
    pause.textContent = is ? "Go on" : "Pause";
    says(is ? "paused" : "live", is ? "paused" : "on");
    if (!is) settle();
  }

  function step(by) {
    const ids = [...list.querySelectorAll(".row")].map((row) => Number(row.dataset.id));
    const at = ids.indexOf(chosen);
    const id = ids[at < 0 ? 0 : Math.min(Math.max(at + by, 0), ids.length - 1)];
    if (id !== undefined) choose(id);
  }

  list.addEventListener("keydown", (event) => {
    const by = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
    if (by) step(by);
    else if (event.key === "Escape") choose(null);
    else return;
    event.preventDefault();
  });
  page.keys({ p: () => setPaused(!paused), "/": () => search.focus() });
  let typing;
  search.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(() => attempt(start), 200);
  });
  page.leave(() => stopped.abort());
  await start();
}

// The queues with what became of it there, or why there are none.
function chips(message) {
  const outcome = OUTCOMES[message.outcome];
  if (outcome) return [el("span", { class: `chip ${outcome[0]}`, title: outcome[1] }, outcome[0])];
  const shown = message.queues.slice(0, 3).map((queue) => {
    const state = message.states[queue];
    const reason = message.reasons[queue];
    return el("span", { class: `chip ${state}`, title: `${plain(queue)}: ${state}${reason ? ` (${reason})` : ""}` }, plain(queue));
  });
  const more = message.queue_count - shown.length;
  return [...shown, more > 0 && el("span", { class: "chip" }, `+${count(more)}`)].filter(Boolean);
}

// From the exchange, step by step, to the queues.
function picture(message) {
  const vhost = encodeURIComponent(message.vhost);
  const outcome = OUTCOMES[message.outcome];
  const steps = message.why.map((step) =>
    el(
      "li",
      {},
      exchangeLink(vhost, step.source),
      el("span", { class: "by" }, by(step)),
      step.destination_type === "queue" ? queueLink(vhost, step.destination, message) : exchangeLink(vhost, step.destination),
    ),
  );
  const explained = new Set(message.why.filter((step) => step.destination_type === "queue").map((step) => step.destination));
  const others = message.queues.filter((queue) => !explained.has(queue)).slice(0, 20);
  return [
    message.outcome === "forwarded" && el("p", { class: "muted" }, "The broker itself sent it on: a dead letter, or a delay that is over."),
    outcome && el("p", {}, exchangeLink(vhost, message.exchange), el("span", { class: "by" }, name(message.routing_key, "(no key)")), el("b", { class: `chip ${outcome[0]}` }, outcome[0]), ` ${outcome[1]}`),
    el("ol", { class: "steps" }, steps, others.map((queue) => el("li", {}, exchangeLink(vhost, message.exchange), el("span", { class: "by" }, "by a binding that has changed since"), queueLink(vhost, queue, message)))),
    message.queue_count > 20 && el("p", { class: "muted" }, `${count(message.queue_count)} queues in all`),
  ];
}

function by(step) {
  if (step.how === "default-exchange") return "the queue's name";
  if (step.how === "alternate-exchange") return "alternate exchange";
  if (step.routing_key === undefined) return "one of many bindings";
  const rest = Object.keys(step.arguments).length ? ` ${JSON.stringify(step.arguments)}` : "";
  return plain((step.routing_key || "(empty key)") + rest);
}

const exchangeLink = (vhost, exchange) => link(`#/exchanges/${vhost}/${encodeURIComponent(exchange || "amq.default")}`, name(exchange, "(default)"));

// What was published over HTTP has no connection of its own.
const publisher = ({ user, connection, channel }) =>
  connection === "HTTP API" ? [name(user), " over HTTP"] : [name(user), " on ", link(`#/connections/${encodeURIComponent(connection)}`, name(connection)), ` channel ${channel}`];

function queueLink(vhost, queue, message) {
  const state = message.states[queue];
  const reason = message.reasons[queue];
  return [link(`#/queues/${vhost}/${encodeURIComponent(queue)}`, name(queue)), " ", state && el("b", { class: `chip ${state}` }, reason ? `${state}: ${reason}` : state)];
}
