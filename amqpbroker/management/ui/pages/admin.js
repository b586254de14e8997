// Who may do what, and what holds by itself: users, virtual hosts, policies, limits.

import { get, path, put, remove } from "../lib/api.js";
import { ask, attempt, confirm, notice } from "../lib/dialog.js";
import { button, el, name, plain, replace } from "../lib/dom.js";
import { count } from "../lib/format.js";
import { parsed } from "../lib/message.js";
import { Table } from "../lib/table.js";

const TABS = { users: "Users", vhosts: "Virtual hosts", policies: "Policies", limits: "Limits" };
const TAGS = "administrator, monitoring, policymaker, management";

export async function show(root, [given], page) {
  const isAdministrator = page.user.tags.includes("administrator");
  const tabs = isAdministrator ? TABS : { policies: TABS.policies };
  const tab = given in tabs ? given : Object.keys(tabs)[0];
  const place = el("div", { class: "column" });
  replace(
    root,
    el("div", { class: "toolbar" }, el("h1", {}, "Admin"), el("nav", { class: "tabs", "aria-label": "Administration" }, Object.entries(tabs).map(([key, title]) => el("a", { class: "button plain", href: `#/admin/${key}`, "aria-current": key === tab ? "page" : null }, title)))),
    place,
  );
  await { users, vhosts, policies, limits }[tab](place, page);
}

const card = (title, table, ...actions) => el("section", { class: "card" }, el("div", { class: "toolbar" }, el("h2", {}, title), el("span", { class: "grow" }), actions), table.element);
const act = (title, work, kind = "quiet") => button(title, work, { class: kind });

// Users and what they may

async function users(place, page) {
  const table = new Table(
    [
      { title: "User", by: (one) => one.name, cell: (one) => name(one.name) },
      { title: "Tags", cell: (one) => [one.tags].flat().map((tag) => el("span", { class: "chip" }, plain(tag))) },
      { title: "Password", cell: (one) => (one.password_hash ? "set" : el("span", { class: "none" }, "none")) },
      { title: "May use", cell: (one) => (one.vhosts.length ? one.vhosts.map((vhost) => el("span", { class: "chip" }, plain(vhost))) : el("span", { class: "bad-text" }, "no virtual host")) },
      { title: "", right: true, cell: (one) => [act("Change…", () => edit(one)), act("Delete", () => removeUser(one), "quiet danger")] },
    ],
    { label: "Users", sort: "User" },
  );
  const allowed = new Table(
    [
      { title: "User", by: (one) => one.user, cell: (one) => name(one.user) },
      { title: "Virtual host", by: (one) => one.vhost, cell: (one) => name(one.vhost) },
      ...["configure", "write", "read"].map((kind) => ({ title: kind, cell: (one) => name(one[kind], "nothing") })),
      { title: "", right: true, cell: (one) => [act("Change…", () => allow(one)), act("Clear", () => clear(one), "quiet danger")] },
    ],
    { label: "Permissions", sort: "User", empty: "Nobody may use a virtual host." },
  );
  const topics = new Table(
    [
      { title: "User", by: (one) => one.user, cell: (one) => name(one.user) },
      { title: "Virtual host", by: (one) => one.vhost, cell: (one) => name(one.vhost) },
      { title: "Exchange", cell: (one) => name(one.exchange, "(default)") },
      ...["write", "read"].map((kind) => ({ title: kind, cell: (one) => name(one[kind], "nothing") })),
    ],
    { label: "Topic permissions", empty: "None: every routing key is allowed." },
  );
  replace(place, card("Users", table, button("New user", () => edit(null))), card("Permissions", allowed, button("Set permissions", () => allow({}))), card("Topic permissions", topics));
  let names = [];
  const refresh = async () => {
    const [known, permissions, topicPermissions] = await Promise.all([get("/users", page.signal), get("/permissions", page.signal), get("/topic-permissions", page.signal)]);
    names = known.map((one) => one.name);
    table.show(known.map((one) => ({ ...one, vhosts: permissions.filter(({ user }) => user === one.name).map(({ vhost }) => vhost) })));
    allowed.show(permissions);
    topics.show(topicPermissions);
  };
  await refresh();

  async function edit(one) {
    const done = await ask(
      one ? `User ${plain(one.name)}` : "New user",
      [
        !one && { name: "name", title: "Name", required: true },
        { name: "password", title: "Password", kind: "password", hint: one ? "left empty, it stays as it is" : "left empty, nobody can log in with one" },
        { name: "tags", title: "Tags", value: one ? [one.tags].flat().join(", ") : "management", hint: TAGS },
      ].filter(Boolean),
      one ? "Change" : "Add",
      ({ name, password, tags }) => {
        const secret = password ? { password } : { password_hash: one?.password_hash ?? "", ...(one?.hashing_algorithm && { hashing_algorithm: one.hashing_algorithm }) };
        return put(path`/users/${one?.name ?? name}`, { ...secret, tags: tags.split(",").map((tag) => tag.trim()).filter(Boolean).join(",") });
      },
    );
    if (done) await refresh();
  }

  async function removeUser(one) {
    if (await confirm("Delete this user", `${plain(one.name)} is deleted, and the user's connections are closed.`, "Delete", () => remove(path`/users/${one.name}`))) await refresh();
  }

  async function allow(one) {
    if (!names.length) await refresh();
    const done = await ask(
      "Permissions",
      [
        { name: "user", title: "User", kind: "select", options: names, value: one.user },
        { name: "vhost", title: "Virtual host", kind: "select", options: page.vhosts, value: one.vhost ?? page.vhost },
        ...["configure", "write", "read"].map((kind) => ({ name: kind, title: `May ${kind}: names that match`, value: one[kind] ?? ".*" })),
      ],
      "Set",
      ({ user, vhost, ...patterns }) => put(path`/permissions/${vhost}/${user}`, patterns),
    );
    if (done) await refresh();
  }

  async function clear(one) {
    if (await attempt(() => remove(path`/permissions/${one.vhost}/${one.user}`), "Cleared")) await refresh();
  }
}

// Virtual hosts

async function vhosts(place, page) {
  const table = new Table(
    [
      { title: "Name", by: (one) => one.name, cell: (one) => name(one.name) },
      { title: "Description", cell: (one) => name(one.description ?? one.metadata?.description ?? "") },
      { title: "Default queue type", cell: (one) => name(one.default_queue_type === "undefined" ? "" : (one.default_queue_type ?? ""), "the broker's") },
      { title: "Traced", cell: (one) => el("input", { type: "checkbox", checked: one.tracing, "aria-label": "traced", onchange: (event) => trace(one, event.target.checked) }) },
      { title: "Ready", right: true, by: (one) => one.messages_ready, cell: (one) => count(one.messages_ready ?? 0) },
      { title: "Unacked", right: true, by: (one) => one.messages_unacknowledged, cell: (one) => count(one.messages_unacknowledged ?? 0) },
      { title: "", right: true, cell: (one) => act("Delete", () => removeIt(one), "quiet danger") },
    ],
    { label: "Virtual hosts", sort: "Name" },
  );
  replace(place, card("Virtual hosts", table, button("New virtual host", add)));
  const refresh = async () => table.show(await get("/vhosts", page.signal));
  await refresh();

  async function add() {
    const done = await ask(
      "New virtual host",
      [
        { name: "name", title: "Name", required: true },
        { name: "description", title: "Description" },
        { name: "type", title: "Queues are, if nothing else is said", kind: "select", options: [["", "as the broker has it"], "classic", "quorum", "stream"] },
      ],
      "Add",
      async ({ name, description, type }) => {
        await put(path`/vhosts/${name}`, { description, ...(type && { default_queue_type: type }) });
        await put(path`/permissions/${name}/${page.user.name}`, { configure: ".*", write: ".*", read: ".*" });
      },
    );
    if (done) dispatchEvent(new Event("vhosts"));
  }

  async function trace(one, tracing) {
    await attempt(() => put(path`/vhosts/${one.name}`, { tracing }), tracing ? "Copies go to amq.rabbitmq.trace" : "No longer traced");
    await refresh();
  }

  async function removeIt(one) {
    if (await confirm("Delete this virtual host", `${plain(one.name)} is deleted with all queues, messages and exchanges in it; its connections are closed.`, "Delete", () => remove(path`/vhosts/${one.name}`))) dispatchEvent(new Event("vhosts"));
  }
}

// Policies

async function policies(place, page) {
  const kinds = [["policies", "Policies"], ["operator-policies", "Operator policies"]];
  const tables = kinds.map(
    ([kind, title]) =>
      new Table(
        [
          { title: "Virtual host", by: (one) => one.vhost, cell: (one) => name(one.vhost) },
          { title: "Name", by: (one) => one.name, cell: (one) => name(one.name) },
          { title: "Pattern", cell: (one) => name(one.pattern) },
          { title: "Applies to", cell: (one) => one["apply-to"] },
          { title: "Definition", cell: (one) => el("code", {}, plain(JSON.stringify(one.definition))) },
          { title: "Priority", right: true, by: (one) => one.priority, cell: (one) => String(one.priority) },
          { title: "", right: true, cell: (one) => [act("Change…", () => edit(kind, one)), act("Delete", () => removeIt(kind, one), "quiet danger")] },
        ],
        { label: title, sort: "Name", empty: "None." },
      ),
  );
  replace(place, kinds.map(([kind, title], at) => card(title, tables[at], button("New", () => edit(kind, {})))));
  const refresh = () => Promise.all(kinds.map(async ([kind], at) => tables[at].show(await get(`/${kind}` + (page.vhost ? `/${encodeURIComponent(page.vhost)}` : ""), page.signal))));
  await refresh();

  async function edit(kind, one) {
    const done = await ask(
      kind === "policies" ? "Policy" : "Operator policy",
      [
        { name: "vhost", title: "Virtual host", kind: "select", options: page.vhosts, value: one.vhost ?? page.vhost },
        { name: "name", title: "Name", value: one.name ?? "", required: true },
        { name: "pattern", title: "Names that match", value: one.pattern ?? "", required: true },
        { name: "apply", title: "Applies to", kind: "select", options: kind === "policies" ? ["all", "queues", "exchanges", "classic_queues", "quorum_queues", "streams"] : ["queues", "classic_queues", "quorum_queues", "streams"], value: one["apply-to"] },
        { name: "priority", title: "Priority", kind: "number", value: String(one.priority ?? 0) },
        { name: "definition", title: "Definition (JSON)", kind: "area", value: JSON.stringify(one.definition ?? {}, null, 2), hint: 'such as {"message-ttl": 60000, "dead-letter-exchange": "dead"}', wide: true },
      ],
      "Set",
      ({ vhost, name, pattern, apply, priority, definition }) => put(path`/${kind}/${vhost}/${name}`, { pattern, "apply-to": apply, priority: Number(priority), definition: parsed(definition) }),
    );
    if (done) await refresh();
  }

  async function removeIt(kind, one) {
    if (await confirm("Delete this policy", `${plain(one.name)} holds no longer.`, "Delete", () => remove(path`/${kind}/${one.vhost}/${one.name}`))) await refresh();
  }
}

// Limits

async function limits(place, page) {
  const kinds = [
    ["vhost-limits", "vhost", "Limits of virtual hosts", ["max-connections", "max-queues"]],
    ["user-limits", "user", "Limits of users", ["max-connections", "max-channels"]],
  ];
  const tables = kinds.map(
    ([kind, who, title, limits]) =>
      new Table(
        [
          { title: who === "vhost" ? "Virtual host" : "User", cell: (one) => name(one[who]) },
          ...limits.map((limit) => ({ title: limit, right: true, cell: (one) => (one.value[limit] === undefined ? "–" : count(one.value[limit])) })),
          { title: "", right: true, cell: (one) => Object.keys(one.value).map((limit) => act(`Clear ${limit}`, () => clear(kind, one[who], limit))) },
        ],
        { label: title, empty: "None: there may be any number." },
      ),
  );
  replace(place, kinds.map(([kind, who, title, names], at) => card(title, tables[at], button("Set…", () => set(kind, who, names)))));
  const refresh = () => Promise.all(kinds.map(async ([kind], at) => tables[at].show(await get(`/${kind}`, page.signal))));
  await refresh();

  async function set(kind, who, names) {
    const known = who === "vhost" ? page.vhosts : (await get("/users", page.signal)).map((one) => one.name);
    const done = await ask(
      "Set a limit",
      [
        { name: "whose", title: who === "vhost" ? "Virtual host" : "User", kind: "select", options: known },
        { name: "limit", title: "Limit", kind: "select", options: names },
        { name: "value", title: "At most", kind: "number", value: "100", hint: "-1: any number" },
      ],
      "Set",
      ({ whose, limit, value }) => put(path`/${kind}/${whose}/${limit}`, { value: Number(value) }),
    );
    if (done) {
      notice("Set");
      await refresh();
    }
  }

  async function clear(kind, whose, limit) {
    if (await attempt(() => remove(path`/${kind}/${whose}/${limit}`), "Cleared")) await refresh();
  }
}
