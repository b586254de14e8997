// One connection with its channels.

import { get, path, remove } from "../lib/api.js";
import { ask } from "../lib/dialog.js";
import { button, el, name, replace } from "../lib/dom.js";
import { bytes, count, moment, rate, rateOf } from "../lib/format.js";
import { table as values } from "../lib/message.js";
import { facts, Table } from "../lib/table.js";
import { clientOf } from "./connections.js";

export async function show(root, [connection], page) {
  const here = path`/connections/${connection}`;
  const about = el("div", { class: "pad" });
  const client = el("div", { class: "pad" });
  const channels = new Table(
    [
      { title: "Channel", right: true, by: (one) => one.number, cell: (one) => String(one.number) },
      { title: "Mode", cell: (one) => [one.confirm && el("span", { class: "badge", title: "publishes are confirmed" }, "C"), one.transactional && el("span", { class: "badge", title: "transactional" }, "T")].filter(Boolean) },
      { title: "State", cell: (one) => el("span", { class: "muted" }, one.state ?? "running") },
      { title: "Consumers", right: true, by: (one) => one.consumer_count, cell: (one) => count(one.consumer_count) },
      { title: "Prefetch", right: true, cell: (one) => count(one.prefetch_count) + (one.global_prefetch_count ? ` (channel: ${count(one.global_prefetch_count)})` : "") },
      { title: "Unacked", right: true, by: (one) => one.messages_unacknowledged, cell: (one) => count(one.messages_unacknowledged) },
      { title: "Unconfirmed", right: true, by: (one) => one.messages_unconfirmed, cell: (one) => count(one.messages_unconfirmed) },
      { title: "Publish", right: true, cell: (one) => rate(rateOf(one.message_stats, "publish")) },
      { title: "Deliver / get", right: true, cell: (one) => rate(rateOf(one.message_stats, "deliver_get")) },
      { title: "Ack", right: true, cell: (one) => rate(rateOf(one.message_stats, "ack")) },
    ],
    { label: "Channels", empty: "No channel is open.", sort: "Channel" },
  );
  replace(
    root,
    el("div", { class: "toolbar" }, el("h1", {}, "Connection ", name(connection)), el("span", { class: "grow" }), button("Close…", close, { class: "danger" })),
    el("div", { class: "row2" }, el("section", { class: "card" }, about), el("section", { class: "card" }, el("div", { class: "toolbar" }, el("h2", {}, "Client properties")), client)),
    el("section", { class: "card" }, el("div", { class: "toolbar" }, el("h2", {}, "Channels")), channels.element),
  );
  const refresh = async () => {
    const [one, open] = await Promise.all([get(here, page.signal), get(here + "/channels", page.signal)]);
    replace(
      about,
      facts(
        one.user_provided_name ? ["called", name(one.user_provided_name)] : null,
        ["user", name(one.user)],
        ["virtual host", name(one.vhost)],
        ["client", name(clientOf(one))],
        ["protocol", `${one.protocol}${one.ssl ? `, ${one.ssl_protocol ?? "TLS"} ${one.ssl_cipher ?? ""}` : ""}`],
        ["state", one.state],
        ["since", one.connected_at ? moment(one.connected_at) : "–"],
        ["heartbeat", one.timeout ? `${one.timeout} s` : "off"],
        ["frame size", bytes(one.frame_max)],
        ["from client", bytes(one.recv_oct)],
        ["to client", bytes(one.send_oct)],
      ),
    );
    replace(client, values(one.client_properties ?? {}));
    channels.show(open);
  };
  await refresh();
  page.every(3000, refresh);

  async function close() {
    const closed = await ask(
      "Close this connection",
      [{ name: "reason", title: "Reason, which the client is told", value: "Closed via management plugin" }],
      "Close it",
      // A header holds Latin-1.
      ({ reason }) => remove(here, { "x-reason": reason.replace(/[^ -~\u00a0-\u00ff]/g, "?") }),
      { danger: true },
    );
    if (closed) location.href = "#/connections";
  }
}
