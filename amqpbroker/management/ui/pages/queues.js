// All queues, page by page: sorted and filtered by the broker, however many they are.

import { get, query } from "../lib/api.js";
import { notice } from "../lib/dialog.js";
import { button, el, name, replace } from "../lib/dom.js";
import { count, rate, rateOf } from "../lib/format.js";
import { addressOf, badges, declare, state } from "../lib/queues.js";
import { Pager, Table } from "../lib/table.js";

const EVERY_MS = 3000;
const PAGE = 100;
const COLUMNS =
  "name,vhost,type,durable,auto_delete,exclusive,owner_pid_details,arguments,policy,operator_policy,state,consumers," +
  "messages,messages_ready,messages_unacknowledged,message_stats";

export async function show(root, parameters, page) {
  const stat = (key) => (queue) => rate(rateOf(queue.message_stats, key));
  const table = new Table(
    [
      !page.vhost && { title: "Virtual host", sort: "vhost", cell: (queue) => name(queue.vhost) },
      { title: "Name", sort: "name", cell: (queue) => el("a", { href: addressOf(queue) }, name(queue.name)) },
      { title: "Type", sort: "type", cell: (queue) => queue.type ?? "classic" },
      { title: "Features", cell: badges },
      { title: "State", sort: "state", cell: state },
      { title: "Ready", sort: "messages_ready", right: true, cell: (queue) => count(queue.messages_ready ?? 0) },
      { title: "Unacked", sort: "messages_unacknowledged", right: true, cell: (queue) => count(queue.messages_unacknowledged ?? 0) },
      { title: "Total", sort: "messages", right: true, cell: (queue) => count(queue.messages ?? 0) },
      { title: "Consumers", sort: "consumers", right: true, cell: (queue) => count(queue.consumers ?? 0) },
      { title: "Incoming", sort: "message_stats.publish_details.rate", right: true, cell: stat("publish") },
      { title: "Deliver / get", sort: "message_stats.deliver_get_details.rate", right: true, cell: stat("deliver_get") },
      { title: "Ack", sort: "message_stats.ack_details.rate", right: true, cell: stat("ack") },
    ].filter(Boolean),
    { label: "Queues", open: addressOf, sort: "name", sorted: () => refresh(1), empty: "No queue here. Declare one, or let a client do it." },
  );
  const pager = new Pager((number) => refresh(number));
  const filter = el("input", { type: "search", placeholder: "Filter by name   /", "aria-label": "Filter by name", value: parameters.name ?? "" });
  const regex = el("input", { type: "checkbox" });
  const wrong = el("span", { class: "bad-text", role: "alert" });
  let at = 1;
  let asking = new AbortController();

  replace(
    root,
    el("div", { class: "toolbar" }, el("h1", {}, "Queues"), filter, el("label", { class: "check" }, el("span", {}, "regular expression"), regex), wrong, pager.element, button("New queue", add)),
    el("section", { class: "card" }, table.element),
  );

  async function refresh(number = at) {
    asking.abort();
    asking = new AbortController();
    const asked = {
      page: number,
      page_size: PAGE,
      name: filter.value,
      use_regex: regex.checked,
      sort: table.sort,
      sort_reverse: table.reverse,
      columns: COLUMNS,
      pagination: true,
    };
    const place = page.vhost ? `/queues/${encodeURIComponent(page.vhost)}` : "/queues";
    try {
      const found = await get(place + query(asked), asking.signal);
      wrong.textContent = "";
      at = found.page;
      pager.show(found, "queues");
      table.show(found.items);
    } catch (error) {
      if (error.status === 400 && number > 1) return refresh(1); // there are fewer pages now
      if (error.status !== 400) throw error;
      wrong.textContent = error.message;
    }
  }

  async function add() {
    if (await declare(page.vhosts, page.vhost)) {
      notice("Declared");
      await refresh();
    }
  }

  let typing;
  filter.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(() => refresh(1), 150);
  });
  regex.addEventListener("change", () => refresh(1));
  page.keys({ "/": () => filter.focus(), n: add });
  page.leave(() => asking.abort());
  page.every(EVERY_MS, () => refresh().catch(unlessReplaced));
}

// A question that a newer one has taken the place of is no fault.
function unlessReplaced(error) {
  if (error.name !== "AbortError") throw error;
}
