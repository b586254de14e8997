// A table that is sorted by its heads and gone through by keys.

import { button, el, replace } from "./dom.js";
import { count } from "./format.js";

// columns: {title, cell(row), sort: what the API or `by` sorts by, right: true for numbers, by(row): a value to sort by
// here}. options: open(row) → an address, sorted(sort, reverse): asks for rows in another order, empty: a text or nodes.
export class Table {
  constructor(columns, { open, sorted, sort = "", reverse = false, empty = "Nothing here.", label = "" } = {}) {
    Object.assign(this, { columns, open, sorted, sort, reverse, empty });
    this.head = el("tr");
    this.body = el("tbody");
    this.element = el(
      "div",
      { class: "scroll" },
      el("table", { "aria-label": label, onkeydown: (event) => this.key(event) }, el("thead", {}, this.head), this.body),
    );
    this.heads();
  }

  heads() {
    replace(
      this.head,
      this.columns.map(({ title, sort, by, right }) => {
        const key = sort ?? (by ? title : null);
        const is = key !== null && key === this.sort;
        return el(
          "th",
          { class: right ? "right" : null, "aria-sort": is ? (this.reverse ? "descending" : "ascending") : null },
          key === null ? title : button(title + (is ? (this.reverse ? " ↓" : " ↑") : ""), () => this.sortBy(key, right)),
        );
      }),
    );
  }

  sortBy(key, right) {
    // Of numbers the largest are what is looked for.
    this.reverse = this.sort === key ? !this.reverse : Boolean(right);
    this.sort = key;
    this.heads();
    if (this.sorted) this.sorted(this.sort, this.reverse);
    else this.show(this.rows);
  }

  show(rows) {
    this.rows = rows;
    const focused = this.body.querySelector("tr:focus")?.dataset.at;
    const column = this.columns.find(({ title, by }) => by && title === this.sort);
    const ordered = column ? rows.toSorted((one, other) => compare(column.by(one), column.by(other)) * (this.reverse ? -1 : 1)) : rows;
    replace(this.body, ordered.map((row, at) => this.row(row, at)));
    if (!rows.length) replace(this.body, el("tr", {}, el("td", { class: "empty", colspan: this.columns.length }, this.empty)));
    if (focused !== undefined) this.body.children[focused]?.focus();
  }

  row(row, at) {
    const address = this.open?.(row);
    return el(
      "tr",
      {
        "data-at": at,
        tabindex: address ? 0 : null,
        class: address ? "opens" : null,
        onclick: (event) => address && !event.target.closest("a, button, input") && !getSelection().toString() && (location.href = address),
      },
      this.columns.map(({ cell, right }) => el("td", { class: right ? "right" : null }, cell(row))),
    );
  }

  key(event) {
    const row = event.target.closest("tbody tr");
    if (!row || event.target !== row) return;
    const next = { ArrowDown: row.nextElementSibling, j: row.nextElementSibling, ArrowUp: row.previousElementSibling, k: row.previousElementSibling }[event.key];
    if (next) next.focus();
    else if (event.key === "Enter") row.click();
    else return;
    event.preventDefault();
  }
}

const compare = (one, other) =>
  typeof one === "string" || typeof other === "string" ? String(one).localeCompare(String(other)) : (one ?? -1) - (other ?? -1);

// Where one is in a list that the API gives page by page. turn(page) asks for another.
export class Pager {
  constructor(turn) {
    this.turn = turn;
    this.element = el("div", { class: "pager" });
  }

  show({ page = 1, page_count = 1, filtered_count, total_count }, what) {
    const of = filtered_count === total_count ? count(total_count) : `${count(filtered_count)} of ${count(total_count)}`;
    replace(
      this.element,
      el("span", {}, `${of} ${what}`),
      page_count > 1 && [
        button("‹", () => this.turn(page - 1), { disabled: page <= 1, "aria-label": "previous page" }),
        el("span", {}, `page ${count(page)} of ${count(page_count)}`),
        button("›", () => this.turn(page + 1), { disabled: page >= page_count, "aria-label": "next page" }),
      ],
    );
  }
}

// Names and values, one beside the other.
export const facts = (...pairs) =>
  el(
    "dl",
    { class: "facts" },
    pairs.filter((pair) => pair && pair[1] !== null && pair[1] !== undefined).map(([title, ...what]) => [el("dt", {}, title), el("dd", {}, what)]),
  );
