// The API, as this page asks it. The session is a cookie that scripts cannot see.

export class Failure extends Error {
  constructor(status, reason) {
    super(reason);
    this.status = status;
  }
}

// path`/queues/${vhost}/${name}`: each part is quoted, whatever it holds.
export const path = (fixed, ...parts) => fixed.map((text, at) => text + (at < parts.length ? quoted(parts[at]) : "")).join("");
const quoted = (part) => encodeURIComponent(String(part).toWellFormed?.() ?? part);

export const query = (values) => {
  const given = Object.entries(values).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return given.length ? "?" + new URLSearchParams(given) : "";
};

// The header keeps the browser from asking for a password itself.
const HEADERS = { "x-requested-with": "fetch" };

export async function ask(method, path, body, signal, more = {}) {
  const headers = { ...HEADERS, ...more, ...(body !== undefined && { "content-type": "application/json" }) };
  const content = body === undefined || typeof body === "string" || body instanceof Blob ? body : JSON.stringify(body);
  let response;
  try {
    response = await fetch("/api" + path, { method, headers, body: content, signal, credentials: "same-origin" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failure(0, "the broker does not answer");
  }
  if (!response.ok) throw await failure(response, path);
  const text = await response.text();
  return text ? JSON.parse(text) : null;
}

async function failure(response, path) {
  if (response.status === 401 && path !== "/login") {
    const reason = await reasonOf(response);
    if (!reason || /session|Login/.test(reason)) dispatchEvent(new Event("logged-out"));
    return new Failure(401, reason || "not logged in");
  }
  return new Failure(response.status, (await reasonOf(response)) || `${response.status} ${response.statusText}`);
}

async function reasonOf(response) {
  try {
    const { reason } = JSON.parse(await response.text());
    return typeof reason === "string" ? reason : JSON.stringify(reason);
  } catch {
    return "";
  }
}

export const get = (path, signal) => ask("GET", path, undefined, signal);
export const put = (path, body) => ask("PUT", path, body);
export const post = (path, body) => ask("POST", path, body);
export const remove = (path, headers) => ask("DELETE", path, undefined, undefined, headers);

// Server-sent events, read by fetch: an EventSource cannot send the header. take is given each event's name and value,
// begun is called whenever they are followed (again). Goes on where it was when the connection is lost.
export async function follow(pathFrom, after, take, begun, lost, signal) {
  let last = after;
  for (let wait = 500; !signal.aborted; wait = Math.min(wait * 2, 8000)) {
    try {
      const response = await fetch("/api" + pathFrom(last), { headers: HEADERS, signal, credentials: "same-origin" });
      if (!response.ok) throw await failure(response, "/inbox");
      begun();
      wait = 250;
      for await (const event of events(response.body)) {
        if (event.id) last = Number(event.id);
        take(event.name, JSON.parse(event.data));
      }
      lost();
    } catch (error) {
      if (signal.aborted || error.status === 401) return;
      lost();
    }
    await new Promise((done) => setTimeout(done, wait));
  }
}

async function* events(body) {
  let rest = "";
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const event = { name: "message", id: "", data: "" };
      for (const line of block.split("\n")) {
        if (line.startsWith("event: ")) event.name = line.slice(7);
        if (line.startsWith("id: ")) event.id = line.slice(4);
        if (line.startsWith("data: ")) event.data += line.slice(6);
      }
      if (event.data) yield event;
    }
  }
}
