// Elements out of plain values. All text becomes text nodes: nothing that comes from the broker is ever parsed as HTML.

const SVG = "http://www.w3.org/2000/svg";

// attributes: `class`, any attribute, `on…` for listeners; true is an empty attribute, null and false are none.
export const el = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
export const svg = (tag, attributes = {}, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function replace(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((child) => child || child === 0));
  return element;
}

// What cannot be seen, or turns the direction of what follows, is written out.
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;
const SHORT = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };
export const plain = (name) =>
  String(name).replace(UNSEEN, (sign) => SHORT[sign] ?? `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);

// A name that somebody has chosen, which may hold anything.
export const name = (value, none = "") =>
  value === "" || value === null || value === undefined
    ? el("span", { class: "none" }, none)
    : el("bdi", { class: "name", dir: "ltr", title: value.length > 24 ? plain(value) : null }, plain(value));

export const link = (href, ...children) => el("a", { href }, ...children);
export const button = (title, onclick, attributes = {}) => el("button", { type: "button", onclick, ...attributes }, title);
