// One queue: what it holds, who consumes it, what leads to it, and what can be done with it.

import { get, path, post, remove } from "../lib/api.js";
import { Capacity } from "../lib/capacity.js";
import { Chart, PAST, past } from "../lib/chart.js";
import { ask, attempt, confirm, notice } from "../lib/dialog.js";
import { button, el, link, name, plain, replace } from "../lib/dom.js";
import { bytes, count, many } from "../lib/format.js";
import { body, deaths, parsed, preview, publishDialog, table as values, task, taskCard } from "../lib/message.js";
import { badges, pathOf, state } from "../lib/queues.js";
import { facts, Table } from "../lib/table.js";

const EVERY_MS = 2000;
const CAPACITY_EVERY_MS = 5000;
const PEEK = 20;

export async function show(root, [vhost, queue], page) {
  const here = pathOf(vhost, queue);
  const chart = new Chart("Messages", [
    { title: "ready", key: "ready", color: "ready" },
    { title: "unacked", key: "unacked", color: "unacked" },
    { title: "total", key: "total", color: "total" },
  ]);
  const rates = new Chart(
    "Rates",
    [
      { title: "incoming", key: "publish", color: "ready" },
      { title: "delivered", key: "deliver", color: "unacked" },
      { title: "acknowledged", key: "ack", color: "acked" },
    ],
    { rates: true },
  );
  const about = el("div", { class: "pad" });
  const signs = el("span");
  const pausing = button("Pause", () => act(found?.state === "paused" ? "resume" : "pause"));
  const consumers = new Table(
    [
      { title: "Consumer tag", cell: (one) => name(one.consumer_tag) },
      { title: "Channel", cell: (one) => link(`#/connections/${encodeURIComponent(one.channel_details?.connection_name ?? "")}`, name(one.channel_details?.name)) },
      { title: "Ack", cell: (one) => (one.ack_required ? "manual" : "automatic") },
      { title: "Prefetch", right: true, cell: (one) => count(one.prefetch_count) },
      { title: "Active", cell: (one) => (one.active === false ? el("span", { class: "muted" }, one.activity_status ?? "waiting") : "yes") },
    ],
    { label: "Consumers", empty: "Nobody consumes from it." },
  );
  const bindings = new Table(
    [
      { title: "From", cell: (one) => (one.source === "" ? el("span", { class: "none" }, "default exchange") : link(`#/exchanges/${encodeURIComponent(vhost)}/${encodeURIComponent(one.source)}`, name(one.source))) },
      { title: "Routing key", cell: (one) => name(one.routing_key, "(empty)") },
      { title: "Arguments", cell: (one) => el("code", {}, Object.keys(one.arguments).length ? plain(JSON.stringify(one.arguments)) : "") },
      { title: "", right: true, cell: (one) => one.source !== "" && button("Unbind", () => unbind(one), { class: "quiet" }) },
    ],
    { label: "Bindings" },
  );
  const capacity = new Capacity(here, page.signal);
  const peeked = el("div", { class: "pad" });
  let found = null;

  replace(
    root,
    el(
      "div",
      { class: "toolbar" },
      el("h1", {}, "Queue ", name(queue)),
      signs,
      el("span", { class: "grow" }),
      link(`#/messages?queue=${encodeURIComponent(queue)}`, "Live messages"),
      button("Publish…", publish),
      button("Move…", move),
      pausing,
      button("Purge", purge, { class: "danger" }),
      button("Delete", removeIt, { class: "danger" }),
    ),
    el("div", { class: "row2" }, chart.element, rates.element),
    el("div", { class: "row2" }, el("section", { class: "card" }, about), el("section", { class: "card" }, el("div", { class: "toolbar" }, el("h2", {}, "Consumers")), consumers.element)),
    capacity.element,
    el("section", { class: "card" }, el("div", { class: "toolbar" }, el("h2", {}, "Messages"), button("Peek", () => attempt(() => peek(0))), button("Get and acknowledge", take, { class: "danger" }), el("small", {}, "Peek shows what waits and leaves it as it is, also not marked as redelivered.")), peeked),
    el("section", { class: "card" }, el("div", { class: "toolbar" }, el("h2", {}, "Bindings"), button("Bind…", bind)), bindings.element),
  );
  page.leave(() => (chart.end(), rates.end()));
  await refresh();
  await attempt(() => peek(0));
  page.every(EVERY_MS, refresh);
  page.every(CAPACITY_EVERY_MS, () => capacity.refresh());
  page.keys({ p: () => attempt(() => peek(0)) });

  async function refresh() {
    const [one, bound] = await Promise.all([get(here + (found ? "" : PAST), page.signal), get(here + "/bindings", page.signal)]);
    const isFirst = !found;
    found = one;
    const stats = one.message_stats;
    const now_s = Date.now() / 1000;
    if (isFirst) {
      for (const { at_s, values } of past({ ready: [one, "messages_ready"], unacked: [one, "messages_unacknowledged"], total: [one, "messages"] })) chart.add(at_s, values);
      for (const { at_s, values } of past({ publish: [stats, "publish"], deliver: [stats, "deliver_get"], ack: [stats, "ack"] })) rates.addCounts(at_s, values);
    }
    chart.add(now_s, { ready: one.messages_ready ?? 0, unacked: one.messages_unacknowledged ?? 0, total: one.messages ?? 0 });
    rates.addCounts(now_s, { publish: stats?.publish ?? 0, deliver: stats?.deliver_get ?? 0, ack: stats?.ack ?? 0 });
    replace(signs, badges(one));
    pausing.textContent = one.state === "paused" ? "Resume" : "Pause";
    replace(
      about,
      facts(
        ["type", one.type ?? "classic"],
        ["state", state(one)],
        page.vhosts.length > 1 ? ["virtual host", name(vhost)] : null,
        ["ready", `${messages(one.messages_ready)}, ${bytes(one.message_bytes_ready)}`],
        ["unacked", el("span", { class: one.messages_unacknowledged ? "unacked" : null }, `${messages(one.messages_unacknowledged)} with consumers`)],
        ["published", count(stats?.publish ?? 0)],
        ["delivered", `${count(stats?.deliver_get ?? 0)}, ${count(stats?.redeliver ?? 0)} of them again`],
        one.policy && ["policy", name(one.policy)],
        one.operator_policy && ["operator policy", name(one.operator_policy)],
        one.owner_pid_details?.name && ["exclusive to", name(one.owner_pid_details.name)],
        ...Object.entries(one.arguments ?? {}).map(([key, value]) => [key, el("code", {}, plain(JSON.stringify(value)))]),
      ),
    );
    consumers.show(one.consumer_details ?? []);
    bindings.show(bound);
  }

  async function peek(offset) {
    const messages = await post(here + "/peek", { count: PEEK, offset, encoding: "auto", truncate: 65_536 });
    showMessages(messages, offset, [
      offset > 0 && button("‹", () => attempt(() => peek(Math.max(0, offset - PEEK))), { "aria-label": "earlier" }),
      messages.length === PEEK && button("›", () => attempt(() => peek(offset + PEEK)), { "aria-label": "later" }),
    ]);
  }

  function showMessages(messages, offset, turns) {
    const shown = messages.map((one, at) => {
      const message = asInInbox(one);
      return el(
        "details",
        { class: "message" },
        el("summary", {}, el("span", { class: "muted" }, `${count(offset + at + 1)} `), el("span", { class: "chip" }, `${one.exchange || "(default)"} → ${plain(one.routing_key)}`), one.redelivered && el("span", { class: "chip unacked" }, "redelivered"), " ", preview(message)),
        el(
          "div",
          { class: "pad" },
          deaths(message.headers),
          task(message) && taskCard(task(message)),
          body(message),
          Object.keys(message.properties).length > 0 && values(message.properties),
          Object.keys(message.headers).length > 0 && values(message.headers),
          el("div", { class: "actions" }, button("Publish again", async () => (await publishDialog(vhost, message, "Publish again")) && notice("Published"))),
        ),
      );
    });
    replace(peeked, shown.length ? shown : el("p", { class: "none" }, "Nothing waits here."), el("div", { class: "actions" }, turns.filter(Boolean)));
  }

  async function take() {
    const asked = await ask(
      "Get and acknowledge",
      [{ name: "count", title: "How many", kind: "number", value: "1" }],
      "Get",
      async ({ count }) => showMessages(await post(here + "/get", { count: Number(count), ackmode: "ack_requeue_false", encoding: "auto" }), 0, []),
      { danger: true, text: "They are taken off the queue for good, and shown here once." },
    );
    if (asked) await refresh();
  }

  async function publish() {
    if (await publishDialog(vhost, { exchange: "", routing_key: queue, properties: { delivery_mode: 2 } }, "Publish to this queue")) {
      notice("Published");
      await refresh();
    }
  }

  async function move() {
    await ask(
      "Move messages",
      [
        { name: "to", title: "To queue", required: true },
        { name: "count", title: "At most", kind: "number", value: "", placeholder: "all that wait" },
      ],
      "Move",
      async ({ to, count: most }) => {
        const { moved } = await post(here + "/move", { destination: { queue: to }, ...(most && { count: Number(most) }) });
        notice(`${many(moved, "message")} moved`);
      },
    );
    await refresh();
  }

  async function bind() {
    const bound = await ask(
      "Bind this queue",
      [
        { name: "source", title: "From exchange", required: true },
        { name: "routing_key", title: "Routing key" },
        { name: "args", title: "Arguments (JSON)", kind: "area", rows: 3, value: "{}", wide: true },
      ],
      "Bind",
      ({ source, routing_key, args }) => post(path`/bindings/${vhost}/e/${source}/q/${queue}`, { routing_key, arguments: parsed(args) }),
    );
    if (bound) await refresh();
  }

  async function unbind(one) {
    const address = path`/bindings/${vhost}/e/${one.source}/q/${queue}/${one.properties_key}`;
    if (await attempt(() => remove(address), "Unbound")) await refresh();
  }

  async function act(action) {
    if (await attempt(() => post(here + "/actions", { action }))) await refresh();
  }

  async function purge() {
    if (!found) await refresh();
    if (await confirm("Purge this queue", `What waits in ${plain(queue)} is dropped: ${messages(found.messages_ready)}. What consumers have stays.`, "Purge", () => remove(here + "/contents"))) {
      await refresh();
      await attempt(() => peek(0));
    }
  }

  async function removeIt() {
    if (!found) await refresh();
    if (await confirm("Delete this queue", `${plain(queue)} is deleted with its ${messages(found.messages)} and ${many(found.consumers, "consumer")}.`, "Delete", () => remove(here))) location.href = "#/queues";
  }
}

const messages = (number) => many(number, "message");

// A message as `get` shows it, in the shape of the inbox.
function asInInbox(one) {
  const { headers, ...properties } = Array.isArray(one.properties) ? {} : one.properties;
  return {
    ...one,
    properties,
    headers: headers ?? {},
    body: one.payload,
    body_encoding: one.payload_encoding,
    size_bytes: one.payload_bytes,
    body_truncated: one.payload_encoding === "string" && new TextEncoder().encode(one.payload).length < one.payload_bytes,
  };
}
