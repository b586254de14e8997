// The test API: the clock that the broker goes by, faults, and what the linter has to say. There with --test-api only.

import { get, post } from "../lib/api.js";
import { ask, attempt, confirm, notice } from "../lib/dialog.js";
import { button, el, name, plain, replace } from "../lib/dom.js";
import { count } from "../lib/format.js";
import { parsed } from "../lib/message.js";
import { Table } from "../lib/table.js";

const call = (what, body = {}) => post(`/_test/${what}`, body);
// What is called of rules, and begins none.
const NO_FAULTS = ["assert_hit", "end", "end_all", "log", "replay", "rules"];

export async function show(root, _, page) {
  const index = await get("/_test", page.signal);
  const kinds = Object.keys(index).filter((one) => one.startsWith("faults/")).map((one) => one.slice(7)).filter((one) => !NO_FAULTS.includes(one));
  const time = el("span", { class: "number" });
  const state = el("span", { class: "badge" });
  const freeze = button("", () => turn(frozen ? "resume" : "freeze"), { class: "quiet" });
  let frozen = false;
  const rules = new Table(
    [
      { title: "Rule", by: (one) => one.rule, cell: (one) => String(one.rule) },
      { title: "Fault", cell: (one) => name(one.text) },
      { title: "Seen", right: true, by: (one) => one.seen, cell: (one) => count(one.seen) },
      { title: "Struck", right: true, by: (one) => one.hits, cell: (one) => count(one.hits) },
      { title: "", right: true, cell: (one) => (one.is_over ? el("span", { class: "muted" }, "over") : button("End", () => end(one), { class: "quiet danger" })) },
    ],
    { label: "Faults", sort: "Rule", empty: "Nothing goes wrong that does not by itself." },
  );
  const warnings = new Table(
    [
      { title: "Rule", by: (one) => one.rule, cell: (one) => name(one.rule) },
      { title: "What was seen, and what to do", cell: (one) => el("span", {}, plain(one.text)) },
    ],
    { label: "Warnings", sort: "Rule", empty: "Nothing was seen that would break in production." },
  );
  const card = (title, body, ...actions) => el("section", { class: "card" }, el("div", { class: "toolbar" }, el("h2", {}, title), el("span", { class: "grow" }), actions), body);
  replace(
    root,
    el("div", { class: "toolbar" }, el("h1", {}, "Faults and clock"), el("span", { class: "grow" }), "reset" in index && button("Reset the broker…", reset, { class: "danger" })),
    card("Clock", el("div", { class: "pad" }, el("div", {}, time, " ", state)), freeze, button("Advance…", advance)),
    card("Faults", rules.element, button("End all", () => attempt(async () => (await call("faults/end_all"), refresh())), { class: "quiet" }), button("New fault…", begin)),
    card("Warnings", warnings.element),
  );
  const refresh = async () => {
    const [now, still, known, seen] = await Promise.all([call("clock/now"), call("clock/is_frozen"), call("faults/rules"), call("warnings")]);
    frozen = still;
    time.textContent = now.replace("T", " ").replace(/\.\d+/, "").replace("+00:00", " UTC");
    state.textContent = frozen ? "frozen" : "goes on";
    freeze.textContent = frozen ? "Resume" : "Freeze";
    rules.show(known);
    warnings.show(seen);
  };
  await refresh();
  page.every(1000, refresh);

  const turn = (how) => attempt(async () => (await call(`clock/${how}`), refresh()));
  const end = (one) => attempt(async () => (await call("faults/end", { rule: one.rule }), refresh()));

  async function advance() {
    const fields = [
      { name: "duration", title: "By", value: "1m", required: true, hint: "250ms, 30m, 1h30m, 2d" },
      { name: "heartbeats", title: "The clock of heartbeats, too", kind: "check", hint: "clients do not follow it" },
    ];
    if (await ask("Advance the clock", fields, "Advance", (values) => call("clock/advance", values))) await refresh();
  }

  async function begin() {
    const fields = [
      { name: "fault", title: "Fault", kind: "select", options: kinds.map((one) => [one, one.replaceAll("_", " ")]) },
      { name: "which", title: "Which, how often, how long", kind: "area", rows: 3, value: "{}", wide: true, hint: '{"queue": "orders", "times": 3, "for_": "10s"}' },
    ];
    const begun = await ask("New fault", fields, "Begin", ({ fault, which }) => call(`faults/${fault}`, parsed(which)));
    if (begun) await refresh();
  }

  async function reset() {
    const text = "All queues, exchanges, users and connections go that were not there at the start.";
    if (await confirm("Reset the broker", text, "Reset", () => call("reset"))) {
      notice("It is as it was at the start.");
      await refresh();
    }
  }
}
