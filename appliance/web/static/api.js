// Talks to the appliance. Faults become ApiProblem (the server answered) or Unreachable (it did not).
import { readEvents } from "./sse.js";

export class ApiProblem extends Error {
  constructor(status, document) {
    super(String(document.detail ?? ""));
    this.status = status;
    this.code = String(document.code ?? "fault");
    this.remedy = String(document.remedy ?? "");
    this.retryAfter = Number(document.retry_after) || 0;
  }
}

export class Unreachable extends Error {}

async function call(path, { token, identity, ...options }) {
  const headers = { ...options.headers };
  if (identity) headers["Support-Identity"] = identity;
  if (token) headers.Authorization = `Bearer ${token}`;
  if (options.body) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(path, { ...options, headers, cache: "no-store", credentials: "omit" });
  } catch (fault) {
    if (fault.name === "AbortError") throw fault;
    throw new Unreachable();
  }
  if (response.ok) return response;
  throw new ApiProblem(response.status, await response.json().catch(() => ({})));
}

const address = (id, rest = "") => `/api/conversations/${encodeURIComponent(id)}${rest}`;
const post = (body) => ({ method: "POST", body: JSON.stringify(body) });

// ``identity``: what the page around us has signed, or null for an anonymous visitor.
export async function open(identity) {
  const customer = identity ? { identity } : undefined;
  return (await call("/api/conversations", post({ channel: "chat", customer }))).json();
}

// The signed-in customer's own conversations, the latest first.
export async function mine(identity) {
  return (await (await call("/api/customers/me/conversations", { identity })).json()).conversations;
}

// A key to one of them.
export async function goOn(identity, id) {
  return (await call(`/api/customers/me/conversations/${encodeURIComponent(id)}/token`, { ...post({}), identity })).json();
}

export async function view({ id, token }) {
  return (await call(address(id), { token })).json();
}

// The events of this message's run; the same key again gives the same run.
export async function* say({ id, token }, text, key, signal) {
  const options = { ...post({ text, idempotency_key: key }), headers: { Accept: "text/event-stream" }, token, signal };
  yield* readEvents(await call(address(id, "/messages"), options), signal);
}

// Everything that happens in the conversation after the event of that id.
export async function* follow({ id, token }, after, signal) {
  const headers = { Accept: "text/event-stream", "Last-Event-ID": after };
  yield* readEvents(await call(address(id, "/events"), { headers, token, signal }), signal);
}

export async function feedback({ id, token }, body) {
  await call(address(id, "/feedback"), { ...post(body), token });
}
