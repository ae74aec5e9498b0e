// Talking to the box: every request has an end, every failure has words.

const API = "/api/v1";
const PATIENCE_MS = 10000; // A box on the same network answers in milliseconds.
const LONG_MS = 120000; // Enrolling many pictures, re-enrolling, importing.

const session = { user: null, login_required: false, csrf: "", known: false };
const RANK = { viewer: 0, operator: 1, admin: 2 };

/** Whether this session may do what needs `role`. Without users on a loopback address everybody is admin. */
function may(role) {
  if (!session.known) return false;
  const own = session.user ? session.user.role : session.login_required ? "" : "admin";
  return (RANK[own] ?? -1) >= RANK[role];
}

class ApiError extends Error {
  constructor(code, message, remedy, status = 0, details = {}) {
    super(message);
    Object.assign(this, { code, remedy, status, details });
  }
}

/** Asks the box. `body` is sent as JSON, or as it is where it is text or a file. Gives the answer's JSON, or throws `ApiError`. */
async function ask(path, { method = "GET", body, patience = PATIENCE_MS } = {}) {
  const headers = { Accept: "application/json" };
  if (method !== "GET") headers["X-CSRF-Token"] = session.csrf;
  const isSentAsIs = body === undefined || typeof body === "string" || body instanceof Blob;
  if (body !== undefined) headers["Content-Type"] = contentType(body);
  const sent = isSentAsIs ? body : JSON.stringify(body);
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), patience);
  try {
    const response = await fetch(API + path, { method, headers, body: sent, signal: stop.signal, credentials: "same-origin" });
    return await read(response);
  } catch (error) {
    throw error instanceof ApiError ? error : unreachable(stop.signal.aborted, patience);
  } finally {
    clearTimeout(timer);
  }
}

function contentType(body) {
  if (body instanceof Blob) return body.type.startsWith("image/") ? body.type : "application/octet-stream";
  return typeof body === "string" ? "application/x-ndjson" : "application/json";
}

/** The answer that the head of the page asked for, once; later it is asked for anew. */
function askFirst(path) {
  const asked = early[path];
  delete early[path];
  return asked ? asked.then(read, (error) => Promise.reject(unreachable(error.name === "TimeoutError", PATIENCE_MS))) : ask(path);
}

function unreachable(late, patience) {
  if (late) {
    return new ApiError("timeout", `the box did not answer within ${patience / 1000} s`, "try again; if it goes on, look at the box's log");
  }
  return new ApiError("unreachable", "the box cannot be reached", "check the network and that the service runs");
}

async function read(response) {
  const answer = await response.json().catch(() => null);
  if (response.ok) return answer;
  const error = (answer && answer.error) || {};
  if (response.status === 401 && session.known) loginNeeded();
  const code = response.status === 401 ? "login_needed" : error.code || `http_${response.status}`;
  throw new ApiError(code, error.message || `the box answered ${response.status} ${response.statusText}`, error.remedy || "", response.status, answer || {});
}

const post = (path, body = {}, more = {}) => ask(path, { method: "POST", body, ...more });
const part = (name) => encodeURIComponent(name);

// --- what the views share, newest state of the box ---

const box = { status: null, cameras: [], alarms: [], telemetry: null, features: {} };

const heard = new Map();

/** Calls `listener` for each thing called `name`: an event of the box (`inspection`, …) or of the page (`cameras`). */
function hear(name, listener) {
  if (!heard.has(name)) heard.set(name, []);
  heard.get(name).push(listener);
}

function say(name, what) {
  for (const listener of heard.get(name) || []) listener(what);
}
