// The frame around the pages: who is logged in, which page is open, for which virtual host.

import { ask, get, remove } from "./lib/api.js";
import { button, el, link, plain, replace } from "./lib/dom.js";
import { notice } from "./lib/dialog.js";

const PAGES = ["overview", "messages", "queues", "exchanges", "connections", "admin", "testing"];
const TITLES = { overview: "Overview", messages: "Messages", queues: "Queues", exchanges: "Exchanges", connections: "Connections", admin: "Admin", testing: "Faults and clock" };
// #/queues/… with a queue's name is another page than #/queues.
const DETAILS = { queues: ["queue", 2], exchanges: ["exchange", 2], connections: ["connection", 1] };
const THEMES = { "": "Theme: as the system's", light: "Theme: light", dark: "Theme: dark" };

const bar = document.getElementById("bar");
const root = document.getElementById("page");
let user = null;
let vhosts = [];
let hasTestApi = false;
let vhost = sessionStorage.getItem("vhost") ?? "";
let open = null;

// What a page is given: the virtual host that is looked at ("" is all of them), and what ends with the page.
class Page {
  ended = new AbortController();
  endings = [];
  bindings = {};

  get signal() {
    return this.ended.signal;
  }
  get vhost() {
    return vhost;
  }
  get vhosts() {
    return vhosts;
  }
  get user() {
    return user;
  }
  // Now and again, while the page is open and can be seen.
  async every(ms, work) {
    for (;;) {
      if (!document.hidden) {
        try {
          await work();
          root.classList.remove("stale");
        } catch (error) {
          if (this.signal.aborted || error.name === "AbortError") return;
          if (error.status !== 0) throw error;
          root.classList.add("stale");
        }
      }
      await new Promise((done) => setTimeout(done, ms));
      if (this.signal.aborted) return;
    }
  }
  keys(bindings) {
    Object.assign(this.bindings, bindings);
  }
  leave(work) {
    this.endings.push(work);
  }
  close() {
    this.ended.abort();
    for (const work of this.endings) work();
  }
}

async function route() {
  open?.close();
  const [place, queries = ""] = (location.href.split("#/")[1] ?? "").split("?");
  const [first = "overview", ...parts] = place ? place.split("/") : [];
  const names = parts.map((part) => decodeURIComponent(part));
  const tab = PAGES.includes(first) ? first : "overview";
  const [detail, depth] = DETAILS[tab] ?? [];
  const file = detail && names.length === depth ? detail : tab;
  const page = (open = new Page());
  document.title = `${names.at(-1) ? plain(names.at(-1)) + " · " : ""}${TITLES[tab]} · amqpbroker`;
  frame(tab);
  try {
    const { show } = await import(`./pages/${file}.js`);
    if (page !== open) return;
    root.classList.remove("stale");
    root.dataset.page = file;
    await show(root, Object.assign(names, Object.fromEntries(new URLSearchParams(queries))), page);
  } catch (error) {
    if (page !== open || error.name === "AbortError" || error.status === 401) return;
    replace(root, el("div", { class: "card failure" }, el("h1", {}, error.status === 404 ? "Not there" : "This did not work"), el("p", {}, error.message), button("Try again", route)));
  }
}

// Who has nothing to administer is not shown that page.
const pagesOf = ({ tags }) => PAGES.filter((page) => MAY_SEE[page]?.(tags) ?? true);
const MAY_SEE = {
  admin: (tags) => tags.includes("administrator") || tags.includes("policymaker"),
  testing: (tags) => hasTestApi && tags.includes("administrator"),
};

function frame(tab) {
  const theme = localStorage.getItem("theme") ?? "";
  replace(
    bar,
    link("#/overview", el("span", { class: "brand" }, "amqpbroker")),
    el("nav", { "aria-label": "Pages" }, pagesOf(user).map((one) => el("a", { href: `#/${one}`, "aria-current": one === tab ? "page" : null }, TITLES[one]))),
    el("span", { class: "grow" }),
    el(
      "select",
      { "aria-label": "Virtual host", onchange: (event) => lookAt(event.target.value) },
      el("option", { value: "" }, "all virtual hosts"),
      vhosts.map((one) => el("option", { value: one, selected: one === vhost }, plain(one))),
    ),
    button(theme === "dark" ? "☾" : theme === "light" ? "☀" : "◐", nextTheme, { class: "quiet", title: THEMES[theme], "aria-label": THEMES[theme] }),
    el("span", { class: "who" }, plain(user.name)),
    button("Log out", logOut, { class: "quiet" }),
  );
}

function lookAt(name) {
  vhost = name;
  sessionStorage.setItem("vhost", name);
  route();
}

function nextTheme() {
  const order = Object.keys(THEMES);
  const next = order[(order.indexOf(localStorage.getItem("theme") ?? "") + 1) % order.length];
  if (next) localStorage.setItem("theme", next);
  else localStorage.removeItem("theme");
  if (next) document.documentElement.dataset.theme = next;
  else delete document.documentElement.dataset.theme;
  frame(bar.querySelector("[aria-current]").getAttribute("href").slice(2));
}

async function logOut() {
  await remove("/login");
  loginForm();
}

function loginForm(reason = "") {
  open?.close();
  open = null;
  user = null;
  replace(bar);
  const wrong = el("p", { class: "wrong", role: "alert" }, reason);
  const name = el("input", { name: "username", autocomplete: "username", required: true, autofocus: true });
  const password = el("input", { name: "password", type: "password", autocomplete: "current-password", required: true });
  const submit = async (event) => {
    event.preventDefault();
    try {
      await ask("POST", "/login", { username: name.value, password: password.value });
      await begin();
    } catch (error) {
      wrong.textContent = error.message;
      password.select();
    }
  };
  delete root.dataset.page;
  replace(
    root,
    el(
      "form",
      { class: "card login", onsubmit: submit },
      el("h1", {}, el("span", { class: "brand" }, "amqpbroker")),
      el("label", {}, el("span", {}, "User"), name),
      el("label", {}, el("span", {}, "Password"), password),
      wrong,
      el("button", { type: "submit", class: "primary" }, "Log in"),
    ),
  );
  name.focus();
}

async function begin() {
  user = await get("/login");
  if (user.name === null) return loginForm();
  hasTestApi = (await get("/extensions")).some((one) => one.javascript === "testing.js");
  vhosts = (await get("/vhosts?columns=name")).map((one) => one.name);
  if (!vhosts.includes(vhost)) vhost = "";
  await route();
}

addEventListener("hashchange", () => user && route());
addEventListener("logged-out", () => user && loginForm("The session is over."));
addEventListener("vhosts", () => begin());
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, dialog")) return;
  const work = open?.bindings[event.key];
  if (work) {
    event.preventDefault();
    work();
  }
});
addEventListener("unhandledrejection", (event) => {
  if (event.reason?.name !== "AbortError" && event.reason?.status !== 401) notice(event.reason?.message ?? "Something went wrong.", "bad");
});

begin().catch((error) => loginForm(error.message));
