// Who is connected.

import { get } from "../lib/api.js";
import { el, name, replace } from "../lib/dom.js";
import { bytes, count, duration, many, moment } from "../lib/format.js";
import { Table } from "../lib/table.js";

export const addressOf = (connection) => `#/connections/${encodeURIComponent(connection.name)}`;
export const clientOf = ({ client_properties: client = {} }) => [client.product, client.version].filter((part) => typeof part === "string").join(" ") || "–";

export async function show(root, _, page) {
  const table = new Table(
    [
      { title: "Name", by: (one) => one.name, cell: (one) => [el("a", { href: addressOf(one) }, name(one.name)), one.user_provided_name ? el("small", {}, " ", name(one.user_provided_name)) : null].filter(Boolean) },
      !page.vhost && { title: "Virtual host", by: (one) => one.vhost, cell: (one) => name(one.vhost) },
      { title: "User", by: (one) => one.user, cell: (one) => name(one.user) },
      { title: "Client", by: clientOf, cell: (one) => name(clientOf(one)) },
      { title: "State", by: (one) => one.state, cell: (one) => el("span", { class: one.state === "running" ? "muted" : "unacked" }, one.state) },
      { title: "TLS", by: (one) => (one.ssl ? 1 : 0), cell: (one) => (one.ssl ? (one.ssl_protocol ?? "yes") : "–") },
      { title: "Channels", right: true, by: (one) => one.channels, cell: (one) => count(one.channels) },
      { title: "From client", right: true, by: (one) => one.recv_oct, cell: (one) => [bytes(one.recv_oct), octets(one.recv_oct_details)] },
      { title: "To client", right: true, by: (one) => one.send_oct, cell: (one) => [bytes(one.send_oct), octets(one.send_oct_details)] },
      { title: "For", right: true, by: (one) => one.connected_at, cell: (one) => el("small", { title: one.connected_at ? moment(one.connected_at) : null }, one.connected_at ? duration(Date.now() - one.connected_at) : "–") },
    ].filter(Boolean),
    { label: "Connections", open: addressOf, sort: "Name", empty: "Nobody is connected." },
  );
  const filter = el("input", { type: "search", placeholder: "Filter   /", "aria-label": "Filter" });
  const sum = el("div", { class: "pager" });
  let all = [];
  const list = () => {
    const wanted = filter.value.toLowerCase();
    const shown = all.filter((one) => [one.name, one.user, one.user_provided_name, clientOf(one)].join("\n").toLowerCase().includes(wanted));
    sum.textContent = many(shown.length, "connection");
    table.show(shown.slice(0, 500));
  };
  filter.addEventListener("input", list);
  replace(root, el("div", { class: "toolbar" }, el("h1", {}, "Connections"), filter, sum), el("section", { class: "card" }, table.element));
  page.keys({ "/": () => filter.focus() });
  page.every(3000, async () => {
    all = await get(page.vhost ? `/vhosts/${encodeURIComponent(page.vhost)}/connections` : "/connections", page.signal);
    list();
  });
}

const octets = (details) => (details?.rate ? el("small", {}, ` ${bytes(details.rate)}/s`) : el("small", {}, ""));
