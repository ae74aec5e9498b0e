// Telemetry of instruments: every channel with value, unit and age; curves of the chosen ones below one another, with
// one span of time for all, so that what happens at once stands above one another.

const CURVES_KEPT = 12; // Curves at one time: more are not read.
const CURVE_STRETCHES = 400;
const LIVE_SPAN_MS = 600000; // Up to here new values are drawn as they come; longer spans are read again.
const CURVE_AGAIN_MS = 15000;

/** `end` is 0 while the curves follow the clock; otherwise a zoomed span stands still. */
const curves = { sources: [], channels: new Map(), chosen: null, series: new Map(), span: 300000, end: 0, drawing: 0, read: 0, asked: 0, loading: false };

async function loadCurves() {
  const list = await ask("/intake");
  curves.sources = list.sources;
  const at = Date.now();
  curves.channels = new Map(list.channels.map((one) => [one.channel, { ...one, at }]));
  if (!curves.chosen) curves.chosen = new Set(chosenBefore());
  curves.chosen.forEach((name) => curves.channels.has(name) || curves.chosen.delete(name));
  setText(byId("curves-none"), list.sources.length ? "" : "There is no source: add [[intake]] to the configuration.");
  showChannels();
  await loadSeries();
}

/** The choice of before; at the first time the first channels. */
function chosenBefore() {
  const known = [...curves.channels.keys()];
  try {
    const kept = JSON.parse(stored("curves") || "null");
    if (Array.isArray(kept) && kept.some((name) => curves.channels.has(name))) return kept;
  } catch {
    // What another version kept.
  }
  return known.slice(0, 3);
}

// --- the channels ---

function showChannels() {
  sync(byId("curves-sources"), curves.sources.filter((source) => source.cause), (source) => source.source,
    () => el("li", { class: "note warn" }), (row, source) => setText(row, full(`Source ${source.source} is ${source.state}: ${source.cause}`)));
  sync(byId("curves-channels"), [...curves.channels.values()], (channel) => channel.channel, makeChannel, updateChannel);
}

function makeChannel(channel) {
  const name = channel.channel;
  const box = el("input", { type: "checkbox", "aria-label": `Curve of ${name}` });
  box.addEventListener("change", () => chooseCurve(name, box));
  const [newest, age, state] = [el("strong"), el("span", { class: "muted age" }), el("span", { class: "state" })];
  return Object.assign(el("li", {}, el("label", {}, box, el("span", { class: "name" }, name)), newest, age, state), { box, newest, age, state });
}

function updateChannel(row, channel) {
  row.box.checked = curves.chosen.has(channel.channel);
  setText(row.newest, channel.value === null ? "no value" : `${figure(channel.value)}${channel.unit ? ` ${channel.unit}` : ""}`);
  updateAge(row, channel);
}

/** The age grows while nothing comes; a value that is too old is called so. */
function updateAge(row, channel) {
  const age = channel.age_ms === null ? null : channel.age_ms + Date.now() - channel.at;
  setText(row.age, age === null ? "" : age < 1500 ? "now" : `${duration(age / 1000)} ago`);
  const source = curves.sources.find((one) => one.source === channel.source);
  const stale = channel.stale || (age !== null && source && age > source.stale_after_ms);
  const word = channel.beyond ? (channel.beyond === "low" ? "too low" : "too high") : stale ? "stale" : "";
  if (row.dataset.word === word) return;
  row.dataset.word = word;
  row.state.replaceChildren(...(word ? [badge(channel.beyond ? "bad" : "warn", word)] : []));
}

function chooseCurve(name, box) {
  if (box.checked && curves.chosen.size >= CURVES_KEPT) {
    box.checked = false;
    return tell(`At most ${CURVES_KEPT} curves are drawn at one time.`, "warn");
  }
  if (box.checked) curves.chosen.add(name);
  else curves.chosen.delete(name);
  stored("curves", JSON.stringify([...curves.chosen]));
  loadSeries().catch(complain);
}

// --- what is drawn ---

const isLive = () => curves.end === 0;
const curvesSpan = () => {
  const until = isLive() ? Date.now() : curves.end;
  return [until - curves.span, until];
};

async function loadSeries() {
  const [since, until] = curvesSpan();
  const order = (curves.asked += 1);
  const range = `since=${part(new Date(since).toISOString())}&points=${CURVE_STRETCHES}${isLive() ? "" : `&until=${part(new Date(until).toISOString())}`}`;
  const answers = await Promise.allSettled([...curves.chosen].map((name) => ask(`/intake/${part(name)}?${range}`)));
  if (order !== curves.asked) return; // A later question was asked meanwhile.
  curves.read = Date.now();
  const kept = answers.filter((answer) => answer.status === "fulfilled").map((answer) => answer.value);
  answers.filter((answer) => answer.status === "rejected").slice(0, 1).forEach((answer) => complain(answer.reason));
  curves.series = new Map(kept.map((series) => [series.channel.channel, series]));
  showCurves();
}

function showCurves() {
  byId("curves-live").hidden = isLive();
  byId("curves-span").value = [...byId("curves-span").options].some((option) => Number(option.value) === curves.span) ? String(curves.span) : "";
  byId("curves-empty").hidden = curves.chosen.size > 0;
  sync(byId("curves-plots"), [...curves.series.values()], (series) => series.channel.channel, makeCurve, updateCurve);
}

/** Values as they come: into the list, and into the curves that follow the clock. */
function takeValues(message) {
  const at = Date.now();
  const source = curves.sources.find((one) => one.source === message.source);
  if (source) Object.assign(source, { state: message.state, cause: message.cause });
  for (const update of message.channels) {
    const known = curves.channels.get(update.channel);
    if (!known) {
      loadNewChannels();
      continue;
    }
    Object.assign(known, { value: update.value, time: update.time, unit: update.unit, beyond: update.beyond, age_ms: 0, at, stale: false });
    const series = curves.series.get(update.channel);
    if (series) addToSeries(series, update);
  }
  drawCurvesSoon();
}

/** Channels that are new: the list is read once for all that come before it is there, and not for each message. */
function loadNewChannels() {
  if (curves.loading || route.view !== "curves") return;
  curves.loading = true;
  loadCurves().catch(complain).finally(() => setTimeout(() => (curves.loading = false), 1000));
}

function addToSeries(series, update) {
  const t = Date.parse(update.time);
  series.channel.value = update.value;
  if (!isLive() || curves.span > LIVE_SPAN_MS || (series.t_ms.length && t < series.t_ms[series.t_ms.length - 1])) return;
  for (const [key, value] of [["t_ms", t], ["min", update.min], ["mean", update.mean], ["max", update.max], ["count", update.count]]) series[key].push(value);
  // Twice as many stretches as were read: then they are read again, and thinned.
  if (series.t_ms.length > 2 * CURVE_STRETCHES) curves.read = 0;
}

/** Draws at most five times a second, and nothing while nobody looks. */
function drawCurvesSoon() {
  if (curves.drawing || route.view !== "curves" || document.hidden) return;
  curves.drawing = setTimeout(() => {
    curves.drawing = 0;
    showChannels();
    if (isLive()) showCurves();
  }, 200);
}

function tickCurves() {
  if (route.view !== "curves" || document.hidden || !stream.on) return;
  for (const row of byId("curves-channels").children) {
    const channel = curves.channels.get(row.dataset.key);
    if (channel) updateAge(row, channel);
  }
  if (isLive() && Date.now() - curves.read > (curves.span > LIVE_SPAN_MS ? CURVE_AGAIN_MS : 60000)) loadSeries().catch(complain);
  else if (isLive()) showCurves();
}

// --- zoom ---

/** Shows the time from `since` to `until` and stands still there. */
function zoomTo(since, until) {
  const least = 1000;
  curves.span = Math.max(least, Math.round(until - since));
  curves.end = Math.round(until);
  loadSeries().catch(complain);
}

function zoomBy(factor) {
  const [since, until] = curvesSpan();
  const span = Math.min(Math.max((until - since) * factor, 1000), 400 * 86400000);
  if (isLive()) {
    curves.span = Math.round(span);
    return void loadSeries().catch(complain);
  }
  const middle = (since + until) / 2;
  zoomTo(middle - span / 2, middle + span / 2);
}

function followClock() {
  curves.end = 0;
  loadSeries().catch(complain);
}

function startCurves() {
  hear("intake", takeValues);
  byId("curves-span").addEventListener("change", (event) => {
    if (!event.target.value) return;
    curves.span = Number(event.target.value);
    followClock();
  });
  byId("curves-in").addEventListener("click", () => zoomBy(0.5));
  byId("curves-out").addEventListener("click", () => zoomBy(2));
  byId("curves-live").addEventListener("click", followClock);
  setInterval(tickCurves, 1000);
}
