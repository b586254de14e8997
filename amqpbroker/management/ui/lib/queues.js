// What lists and pages of queues have in common: their badges, their addresses, how one is made.

import { path, put } from "./api.js";
import { ask } from "./dialog.js";
import { el } from "./dom.js";
import { parsed } from "./message.js";

export const addressOf = (queue) => `#/queues/${encodeURIComponent(queue.vhost)}/${encodeURIComponent(queue.name)}`;
export const pathOf = (vhost, name) => path`/queues/${vhost}/${name}`;

// RabbitMQ's badges: [sign, what it means], in its order.
const ARGUMENTS = {
  "x-message-ttl": ["TTL", "message TTL"],
  "x-expires": ["Exp", "expires when it is not used"],
  "x-max-length": ["Lim", "length limit"],
  "x-max-length-bytes": ["Lim B", "length limit in octets"],
  "x-overflow": ["Ovfl", "overflow"],
  "x-dead-letter-exchange": ["DLX", "dead-letter exchange"],
  "x-dead-letter-routing-key": ["DLK", "dead-letter routing key"],
  "x-max-priority": ["Pri", "highest priority"],
  "x-single-active-consumer": ["SAC", "single active consumer"],
  "x-delivery-limit": ["DlL", "delivery limit"],
  "x-max-age": ["Age", "greatest age"],
  "x-dispatch-strategy": ["Disp", "how messages are shared out"],
};

export function badges(queue) {
  const badge = (sign, means) => el("span", { class: "badge", title: means }, sign);
  const shown = [];
  if (queue.durable) shown.push(badge("D", "durable"));
  if (queue.auto_delete) shown.push(badge("AD", "deleted with its last consumer"));
  if (queue.exclusive || queue.owner_pid_details) shown.push(badge("Excl", "exclusive to one connection"));
  let others = 0;
  for (const [key, value] of Object.entries(queue.arguments ?? {})) {
    const known = ARGUMENTS[key];
    if (known) shown.push(badge(known[0], `${known[1]}: ${JSON.stringify(value)}`));
    else if (key !== "x-queue-type") others += 1;
  }
  if (others) shown.push(badge("Args", JSON.stringify(queue.arguments)));
  if (queue.policy) shown.push(badge("Pol", `policy ${queue.policy}`));
  if (queue.operator_policy) shown.push(badge("OpPol", `operator policy ${queue.operator_policy}`));
  return shown;
}

export const state = (queue) => {
  const shown = queue.state ?? "running";
  return el("span", { class: { running: "muted", paused: "unacked", down: "bad-text" }[shown] ?? "unacked" }, shown);
};

export function declare(vhosts, vhost) {
  return ask(
    "New queue",
    [
      { name: "name", title: "Name", required: true },
      { name: "vhost", title: "Virtual host", kind: "select", options: vhosts, value: vhost || "/" },
      { name: "type", title: "Type", kind: "select", options: [["", "as the virtual host's"], "classic", "quorum", "stream"] },
      { name: "durable", title: "durable: survives a restart", kind: "check", value: true },
      { name: "auto_delete", title: "deleted with its last consumer", kind: "check" },
      { name: "args", title: "Arguments (JSON)", kind: "area", rows: 4, value: "{}", hint: 'such as {"x-message-ttl": 60000, "x-dead-letter-exchange": "dead"}', wide: true },
    ],
    "Declare",
    async ({ name, vhost, type, durable, auto_delete, args }) => {
      const table = { ...parsed(args), ...(type && { "x-queue-type": type }) };
      await put(pathOf(vhost, name), { durable, auto_delete, arguments: table });
    },
  );
}
