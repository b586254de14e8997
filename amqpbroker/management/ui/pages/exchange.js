// One exchange: where it leads, and which queues a routing key would reach.

import { get, path, post, query, remove } from "../lib/api.js";
import { ask, attempt, confirm, notice } from "../lib/dialog.js";
import { button, el, link, name, plain, replace } from "../lib/dom.js";
import { count, rate, rateOf } from "../lib/format.js";
import { parsed, publishDialog } from "../lib/message.js";
import { facts, Table } from "../lib/table.js";
import { picture } from "../lib/topology.js";
import { badges } from "./exchanges.js";

export async function show(root, [vhost, given], page) {
  const exchange = given === "amq.default" ? "" : given;
  const isDefault = exchange === "";
  const here = path`/exchanges/${vhost}/${given}`;
  const about = el("div", { class: "pad" });
  const signs = el("span");
  const map = el("div", { class: "pad" });
  const answer = el("div", { class: "answer" });
  const tested = el("input", { type: "text", placeholder: "Routing key", "aria-label": "Routing key", spellcheck: "false", oninput: () => test() });
  const headers = el("input", { type: "text", placeholder: 'Headers, such as {"kind": "paid"}', "aria-label": "Headers as JSON", spellcheck: "false", oninput: () => test() });
  const bindings = new Table(
    [
      { title: "To", by: (one) => one.destination, cell: (one) => [el("small", {}, `${one.destination_type} `), link(`#/${one.destination_type}s/${encodeURIComponent(vhost)}/${encodeURIComponent(one.destination)}`, name(one.destination))] },
      { title: "Routing key", by: (one) => one.routing_key, cell: (one) => name(one.routing_key, "(empty)") },
      { title: "Arguments", cell: (one) => el("code", {}, Object.keys(one.arguments).length ? plain(JSON.stringify(one.arguments)) : "") },
      { title: "", right: true, cell: (one) => button("Unbind", () => unbind(one), { class: "quiet" }) },
    ],
    { label: "Bindings", empty: isDefault ? "Every queue is bound to it by its name." : "Nothing is bound to it: what is published here goes nowhere." },
  );
  let ways = { bindings: [], alternates: [], left_out: 0 };
  let steps = [];
  let lastTest = 0;

  replace(
    root,
    el(
      "div",
      { class: "toolbar" },
      el("h1", {}, "Exchange ", name(exchange, "(default)")),
      signs,
      el("span", { class: "grow" }),
      link(`#/messages?exchange=${encodeURIComponent(exchange)}`, "Live messages"),
      button("Publish…", publish),
      !isDefault && button("Bind…", bind),
      !isDefault && button("Delete", removeIt, { class: "danger" }),
    ),
    el(
      "div",
      { class: "row2" },
      el("section", { class: "card" }, about),
      el("section", { class: "card pad" }, el("h2", {}, "Where would it go?"), el("div", { class: "fields" }, tested, headers), answer),
    ),
    !isDefault && el("section", { class: "card" }, el("div", { class: "toolbar" }, el("h2", {}, "Where messages go")), map),
    el("section", { class: "card" }, el("div", { class: "toolbar" }, el("h2", {}, "Bindings")), bindings.element),
  );
  await refresh();
  await draw();
  await test();
  page.every(4000, refresh);

  async function refresh() {
    const one = await get(here, page.signal);
    replace(signs, badges(one));
    replace(
      about,
      facts(
        ["type", one.type],
        page.vhosts.length > 1 ? ["virtual host", name(vhost)] : null,
        ["in", rate(rateOf(one.message_stats, "publish_in"))],
        ["out", rate(rateOf(one.message_stats, "publish_out"))],
        one.policy && ["policy", name(one.policy)],
        ...Object.entries(one.arguments ?? {}).map(([key, value]) => [key, el("code", {}, plain(JSON.stringify(value)))]),
      ),
    );
  }

  async function draw() {
    if (isDefault) return bindings.show([]);
    const [found, bound] = await Promise.all([get(path`/topology/${vhost}` + query({ exchange }), page.signal), get(here + "/bindings/source", page.signal)]);
    ways = found;
    bindings.show(bound.slice(0, 500));
    paint();
  }

  function paint() {
    if (!isDefault) replace(map, picture(vhost, ways, steps, exchange));
  }

  async function test() {
    const mine = (lastTest += 1);
    let found;
    try {
      found = await post(here + "/route", { routing_key: tested.value, headers: parsed(headers.value) });
    } catch (error) {
      if (mine === lastTest) replace(answer, el("p", { class: "bad-text" }, error.message));
      return;
    }
    if (mine !== lastTest) return;
    steps = found.steps;
    paint();
    const queues = found.queues.slice(0, 50);
    replace(
      answer,
      queues.length
        ? el("ol", { class: "steps" }, queues.map((queue) => el("li", {}, link(`#/queues/${encodeURIComponent(vhost)}/${encodeURIComponent(queue)}`, name(queue)), reasons(queue, found.steps))))
        : el("p", { class: "bad-text" }, "No queue. It would be dropped, or returned if it is mandatory."),
      found.queues.length > queues.length && el("p", { class: "muted" }, `and ${count(found.queues.length - queues.length)} more`),
    );
  }

  async function publish() {
    if (await publishDialog(vhost, { exchange, routing_key: tested.value, properties: {} }, "Publish to this exchange")) notice("Published");
  }

  async function bind() {
    const bound = await ask(
      "Bind to this exchange",
      [
        { name: "kind", title: "To", kind: "select", options: [["q", "queue"], ["e", "exchange"]] },
        { name: "to", title: "Name", required: true },
        { name: "routing_key", title: "Routing key" },
        { name: "args", title: "Arguments (JSON)", kind: "area", rows: 3, value: "{}", wide: true },
      ],
      "Bind",
      ({ kind, to, routing_key, args }) => post(path`/bindings/${vhost}/e/${exchange}/${kind}/${to}`, { routing_key, arguments: parsed(args) }),
    );
    if (bound) await changed();
  }

  async function unbind(one) {
    const address = path`/bindings/${vhost}/e/${exchange}/${one.destination_type[0]}/${one.destination}/${one.properties_key}`;
    if (await attempt(() => remove(address), "Unbound")) await changed();
  }

  async function changed() {
    await draw();
    await test();
  }

  async function removeIt() {
    if (await confirm("Delete this exchange", `${plain(exchange)} is deleted with its bindings.`, "Delete", () => remove(here))) location.href = "#/exchanges";
  }
}

// The keys of the bindings that lead to a queue.
function reasons(queue, steps) {
  return steps
    .filter((step) => step.destination_type === "queue" && step.destination === queue)
    .map((step) => el("span", { class: "by" }, step.how === "default-exchange" ? "the queue's name" : plain(`${step.source}: ${step.routing_key === undefined ? "one of many bindings" : step.routing_key || "(empty key)"}`)));
}
