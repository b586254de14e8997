// The broker at a glance: what waits, what moves, what there is.

import { get, post } from "../lib/api.js";
import { Chart, PAST, past } from "../lib/chart.js";
import { attempt, confirm } from "../lib/dialog.js";
import { button, el, name, replace } from "../lib/dom.js";
import { bytes, count, duration } from "../lib/format.js";
import { Table } from "../lib/table.js";

const EVERY_MS = 2000;

export async function show(root, _, page) {
  const queued = new Chart("Queued messages", [
    { title: "ready", key: "ready", color: "ready" },
    { title: "unacked", key: "unacked", color: "unacked" },
    { title: "total", key: "total", color: "total" },
  ]);
  const rates = new Chart(
    "Message rates",
    [
      { title: "published", key: "publish", color: "ready" },
      { title: "delivered", key: "deliver", color: "unacked" },
      { title: "acknowledged", key: "ack", color: "acked" },
      { title: "no route", key: "lost", color: "bad-text" },
    ],
    { rates: true },
  );
  const figures = el("section", { class: "card figures" });
  const identity = el("span", { class: "muted" });
  const nodes = new Table(
    [
      { title: "Node", cell: (node) => name(node.name) },
      { title: "State", cell: (node) => el("b", { class: node.running ? "on" : "off" }, node.running ? "running" : "down") },
      { title: "Uptime", right: true, cell: (node) => duration(node.uptime) },
      { title: "Memory", right: true, cell: (node) => used(node.mem_used, node.mem_limit, node.mem_alarm, bytes) },
      { title: "Disk free", right: true, cell: (node) => [node.disk_free ? bytes(node.disk_free) : "–", node.disk_free_alarm && el("b", { class: "off" }, " alarm")].filter(Boolean) },
      { title: "Sockets", right: true, cell: (node) => used(node.sockets_used, node.sockets_total, false, count) },
      { title: "Descriptors", right: true, cell: (node) => used(node.fd_used, node.fd_total, false, count) },
    ],
    { label: "Nodes" },
  );
  const ports = new Table(
    [
      { title: "Protocol", cell: (port) => port.protocol },
      { title: "Address", cell: (port) => name(port.ip_address) },
      { title: "Port", right: true, cell: (port) => String(port.port) },
    ],
    { label: "Ports", empty: "None are told." },
  );
  const isAdministrator = page.user.tags.includes("administrator");
  replace(
    root,
    el("div", { class: "toolbar" }, el("h1", {}, "Overview"), identity),
    el("div", { class: "row2" }, queued.element, rates.element),
    figures,
    el("div", { class: "row2" }, el("section", { class: "card" }, el("h2", {}, "Nodes"), nodes.element), el("section", { class: "card" }, el("h2", {}, "Ports"), ports.element)),
    isAdministrator && definitions(page),
  );
  page.leave(() => (queued.end(), rates.end()));
  const isMonitor = page.user.tags.some((tag) => tag === "administrator" || tag === "monitoring");
  let isFirst = true;
  page.every(EVERY_MS, async () => {
    const [found, known] = await Promise.all([get("/overview" + (isFirst ? PAST : ""), page.signal), isMonitor ? get("/nodes", page.signal) : []]);
    if (page.signal.aborted) return;
    const totals = found.queue_totals ?? {};
    const stats = found.message_stats ?? {};
    const now_s = Date.now() / 1000;
    if (isFirst) {
      for (const { at_s, values } of past({ ready: [totals, "messages_ready"], unacked: [totals, "messages_unacknowledged"], total: [totals, "messages"] })) queued.add(at_s, values);
      for (const { at_s, values } of past({ publish: [stats, "publish"], deliver: [stats, "deliver_get"], ack: [stats, "ack"], lost: [stats, "drop_unroutable", "return_unroutable"] })) rates.addCounts(at_s, values);
    }
    isFirst = false;
    queued.add(now_s, { ready: totals.messages_ready ?? 0, unacked: totals.messages_unacknowledged ?? 0, total: totals.messages ?? 0 });
    rates.addCounts(now_s, {
      publish: stats.publish ?? 0,
      deliver: stats.deliver_get ?? 0,
      ack: stats.ack ?? 0,
      lost: (stats.drop_unroutable ?? 0) + (stats.return_unroutable ?? 0),
    });
    identity.textContent = `${found.cluster_name ?? ""} · behaves as ${found.product_name ?? "RabbitMQ"} ${found.rabbitmq_version ?? ""}`;
    replace(figures, ["connections", "channels", "exchanges", "queues", "consumers"].map((kind) => figure(kind, found.object_totals?.[kind])));
    nodes.show(known);
    ports.show(found.listeners ?? []);
  });
}

const figure = (kind, value) => {
  const address = { connections: "#/connections", exchanges: "#/exchanges", queues: "#/queues" }[kind];
  const shown = [el("b", {}, count(value)), el("span", { class: "muted" }, kind)];
  return el("div", {}, address ? el("a", { class: "plain", href: address }, shown) : shown);
};

const used = (value, most, alarm, shown) => [shown(value), most ? el("small", {}, ` of ${shown(most)}`) : null, alarm && el("b", { class: "off" }, " alarm")].filter(Boolean);

function definitions(page) {
  const file = el("input", { type: "file", accept: ".json,application/json", hidden: true, onchange: () => importFile(file, page) });
  return el(
    "section",
    { class: "card pad" },
    el("h2", {}, "Definitions"),
    el("p", { class: "muted" }, "Users, virtual hosts, permissions, policies, queues, exchanges and bindings in RabbitMQ's shape; no messages."),
    el("div", { class: "actions" }, button("Export", () => attempt(() => exportFile(page))), button("Import…", () => file.click()), file),
  );
}

const place = (page) => "/definitions" + (page.vhost ? `/${encodeURIComponent(page.vhost)}` : "");

async function exportFile(page) {
  const content = await get(place(page));
  const address = URL.createObjectURL(new Blob([JSON.stringify(content, null, 2)], { type: "application/json" }));
  el("a", { href: address, download: "definitions.json" }).click();
  URL.revokeObjectURL(address);
}

async function importFile(input, page) {
  const [file] = input.files;
  input.value = "";
  if (!file) return;
  await confirm("Import definitions", `What is in ${file.name} is added to what is there, and changes what has the same name.`, "Import", async () => {
    await post(place(page), await file.text());
    dispatchEvent(new Event("vhosts"));
  });
}
