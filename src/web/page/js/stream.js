// The stream of events (SSE): one connection, reopened for ever, its state always in sight. None while the tab is
// hidden: a browser has six connections to a host, for all of its tabs together.

const EVENTS = ["event", "attendance", "inspection", "camera", "status", "alarm", "telemetry", "batch", "job", "command", "recording", "intake", "missed"];
const SILENT_MS = 40000; // The box says `ping` where nothing was said for 15 s.
const RETRY_MS = [500, 1000, 2000, 4000, 8000];

const stream = { source: null, failures: 0, timer: 0, alive: 0, on: false };

function openStream() {
  if (stream.on) return;
  stream.on = true;
  connectStream();
}

function closeStream() {
  stream.on = false;
  dropStream();
}

function dropStream() {
  clearTimeout(stream.timer);
  if (stream.source) stream.source.close();
  stream.source = null;
}

function connectStream() {
  dropStream();
  const source = new EventSource(`${API}/events`);
  stream.source = source;
  stream.alive = Date.now();
  source.addEventListener("open", streamOpened);
  source.addEventListener("ping", streamAlive);
  for (const name of EVENTS) source.addEventListener(name, (event) => streamSaid(name, event.data));
  source.addEventListener("error", streamBroken);
}

function streamOpened() {
  streamAlive();
  showLink("plain", "Connected");
  // What happened meanwhile did not reach us: read it.
  if (stream.failures > 0) say("reconnected");
  stream.failures = 0;
  say("connected");
}

function streamAlive() {
  stream.alive = Date.now();
}

function streamSaid(name, text) {
  streamAlive();
  let message;
  try {
    message = JSON.parse(text);
  } catch (error) {
    console.error(name, text, error);
    return;
  }
  say(name, message);
}

/** The browser's own retry gives up on some answers (401, 503): we close and open again ourselves. */
function streamBroken() {
  if (!stream.on) return;
  dropStream();
  const pause = RETRY_MS[Math.min(stream.failures, RETRY_MS.length - 1)];
  stream.failures += 1;
  // One stumble is no news: only the second one is shown.
  if (stream.failures > 1) showLink("bad", "No connection, trying again");
  else showLink("warn", "Reconnecting");
  stream.timer = setTimeout(retryStream, pause * (0.8 + 0.4 * Math.random()));
}

async function retryStream() {
  // A stream does not tell why it failed; a request does (login lost, box away).
  try {
    await loadSession();
    if (stream.on) connectStream();
  } catch (error) {
    if (error.code !== "login_needed") streamBroken();
  }
}

function watchStream() {
  if (stream.on && stream.source && Date.now() - stream.alive > SILENT_MS) streamBroken();
}

/** The browser's connection to the box; how the box itself is stands beside it. */
function showLink(kind, words) {
  const link = byId("link");
  document.body.dataset.link = kind;
  if (link.textContent === words && link.dataset.kind === kind) return;
  link.dataset.kind = kind;
  link.className = `chip ${kind}`;
  link.replaceChildren(...(kind === "plain" ? [] : [icon(kind)]), words);
}
