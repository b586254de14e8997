// All exchanges of what is looked at, and a picture of where they lead.

import { get, path, put, query } from "../lib/api.js";
import { ask, attempt, notice } from "../lib/dialog.js";
import { button, el, name, replace } from "../lib/dom.js";
import { rate, rateOf } from "../lib/format.js";
import { parsed } from "../lib/message.js";
import { Pager, Table } from "../lib/table.js";
import { picture } from "../lib/topology.js";

const EVERY_MS = 4000;
const PAGE = 100;
const TYPES = ["direct", "fanout", "topic", "headers", "x-consistent-hash", "x-delayed-message", "x-random", "x-modulus-hash", "x-recent-history"];

export const addressOf = (exchange) => `#/exchanges/${encodeURIComponent(exchange.vhost)}/${encodeURIComponent(exchange.name || "amq.default")}`;

export function badges(exchange) {
  const badge = (sign, means) => el("span", { class: "badge", title: means }, sign);
  const args = exchange.arguments ?? {};
  return [
    exchange.durable && badge("D", "durable"),
    exchange.auto_delete && badge("AD", "deleted with its last binding"),
    exchange.internal && badge("I", "internal: clients cannot publish to it"),
    args["alternate-exchange"] && badge("AE", `alternate exchange: ${args["alternate-exchange"]}`),
    Object.keys(args).some((key) => key !== "alternate-exchange") && badge("Args", JSON.stringify(args)),
    exchange.policy && badge("Pol", `policy ${exchange.policy}`),
  ].filter(Boolean);
}

export async function show(root, _, page) {
  const table = new Table(
    [
      !page.vhost && { title: "Virtual host", sort: "vhost", cell: (one) => name(one.vhost) },
      { title: "Name", sort: "name", cell: (one) => el("a", { href: addressOf(one) }, name(one.name, "(default)")) },
      { title: "Type", sort: "type", cell: (one) => one.type },
      { title: "Features", cell: badges },
      { title: "In", sort: "message_stats.publish_in_details.rate", right: true, cell: (one) => rate(rateOf(one.message_stats, "publish_in")) },
      { title: "Out", sort: "message_stats.publish_out_details.rate", right: true, cell: (one) => rate(rateOf(one.message_stats, "publish_out")) },
    ].filter(Boolean),
    { label: "Exchanges", open: addressOf, sort: "name", sorted: () => refresh(1) },
  );
  const pager = new Pager((number) => refresh(number));
  const filter = el("input", { type: "search", placeholder: "Filter by name   /", "aria-label": "Filter by name" });
  const map = el("div", { class: "pad" });
  const pictured = page.vhost || (page.vhosts.length === 1 ? page.vhosts[0] : "/");
  let at = 1;

  replace(
    root,
    el("div", { class: "toolbar" }, el("h1", {}, "Exchanges"), filter, pager.element, button("New exchange", add)),
    el("section", { class: "card" }, table.element),
    el("section", { class: "card" }, el("div", { class: "toolbar" }, el("h2", {}, "Where messages go"), page.vhosts.length > 1 && el("small", {}, "in ", name(pictured))), map),
  );

  async function refresh(number = at) {
    const place = page.vhost ? `/exchanges/${encodeURIComponent(page.vhost)}` : "/exchanges";
    const asked = { page: number, page_size: PAGE, name: filter.value, use_regex: false, sort: table.sort, sort_reverse: table.reverse, pagination: true };
    const found = await get(place + query(asked), page.signal);
    at = found.page;
    pager.show(found, "exchanges");
    table.show(found.items);
  }

  async function draw() {
    const found = await get(path`/topology/${pictured}`, page.signal);
    if (!found.bindings.length && !found.alternates.length) return replace(map, el("p", { class: "none" }, "No exchange is bound to anything yet; queues are reached by their names through the default exchange."));
    replace(map, picture(pictured, found));
  }

  async function add() {
    const made = await ask(
      "New exchange",
      [
        { name: "name", title: "Name", required: true },
        { name: "vhost", title: "Virtual host", kind: "select", options: page.vhosts, value: pictured },
        { name: "type", title: "Type", kind: "select", options: TYPES },
        { name: "durable", title: "durable: survives a restart", kind: "check", value: true },
        { name: "auto_delete", title: "deleted with its last binding", kind: "check" },
        { name: "internal", title: "internal", kind: "check" },
        { name: "args", title: "Arguments (JSON)", kind: "area", rows: 3, value: "{}", hint: 'such as {"alternate-exchange": "unrouted"}', wide: true },
      ],
      "Declare",
      ({ name, vhost, args, ...values }) => put(path`/exchanges/${vhost}/${name}`, { ...values, arguments: parsed(args) }),
    );
    if (made) {
      notice("Declared");
      await refresh();
    }
  }

  let typing;
  filter.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(() => attempt(() => refresh(1)), 150);
  });
  page.keys({ "/": () => filter.focus(), n: add });
  await attempt(draw);
  page.every(EVERY_MS, refresh);
}
