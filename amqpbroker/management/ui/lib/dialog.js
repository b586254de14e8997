// What stands above the page for a moment: notices, questions, forms.

import { button, el } from "./dom.js";

export function notice(text, kind = "good") {
  const shown = el("div", { class: `notice ${kind}` }, text);
  document.getElementById("notices").append(shown);
  setTimeout(() => shown.remove(), kind === "bad" ? 9000 : 3500);
}

// Does something that may be refused, and says so. Gives whether it was done.
export async function attempt(work, done) {
  try {
    await work();
  } catch (error) {
    if (error.name !== "AbortError") notice(error.message, "bad");
    return false;
  }
  if (done) notice(done);
  return true;
}

// fields: {name, title, value, kind: text | password | number | area | select | check, options, hint, required, wide}.
// Asks, and calls act with the values; stays open, with the reason, while that is refused.
export function ask(title, fields, doIt, act, { danger = false, text = null } = {}) {
  return new Promise((answered) => {
    const inputs = Object.fromEntries(fields.map((field) => [field.name, input(field)]));
    const wrong = el("p", { class: "wrong", role: "alert" });
    const close = (result) => {
      dialog.close();
      dialog.remove();
      answered(result);
    };
    const submit = async (event) => {
      event.preventDefault();
      const values = Object.fromEntries(
        fields.map(({ name, kind }) => [name, kind === "check" ? inputs[name].checked : inputs[name].value]),
      );
      go.disabled = true;
      try {
        await act(values);
        close(true);
      } catch (error) {
        wrong.textContent = error.message;
        go.disabled = false;
      }
    };
    const go = el("button", { type: "submit", class: danger ? "danger" : "primary" }, doIt);
    const form = el(
      "form",
      { onsubmit: submit },
      el("h2", {}, title),
      text && el("p", {}, text),
      el("div", { class: "fields" }, fields.map((field) => labelled(field, inputs[field.name]))),
      wrong,
      el("div", { class: "actions" }, button("Cancel", () => close(false)), go),
    );
    const dialog = el("dialog", { class: fields.some((field) => field.wide) ? "wide" : null, oncancel: () => close(false) }, form);
    document.body.append(dialog);
    dialog.showModal();
    (Object.values(inputs)[0] ?? go).focus();
  });
}

export const confirm = (title, text, doIt, act) => ask(title, [], doIt, act, { danger: true, text });

function input({ name, kind = "text", value = "", options = [], required, rows = 6, placeholder }) {
  const common = { name, required, placeholder, spellcheck: "false", autocomplete: "off" };
  if (kind === "area") return el("textarea", { ...common, rows, value });
  if (kind === "check") return el("input", { ...common, type: "checkbox", checked: value === true });
  if (kind === "select") {
    const choice = (option) => (Array.isArray(option) ? option : [option, option]);
    return el(
      "select",
      { name },
      options.map(choice).map(([key, title]) => el("option", { value: key, selected: key === value }, title)),
    );
  }
  return el("input", { ...common, type: kind, value });
}

function labelled({ title, kind, hint, wide }, field) {
  return el("label", { class: (kind === "check" ? "check" : "") + (wide ? " whole" : "") }, el("span", {}, title), field, hint && el("small", {}, hint));
}
