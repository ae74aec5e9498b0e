// Small plots of the last ten minutes: one figure each, its name and newest value in words beside the line.

const PLOT_SPAN_MS = 600000;
const [PLOT_W, PLOT_H] = [220, 48];

const plots = { history: [] };

function addTelemetry(message) {
  const last = plots.history[plots.history.length - 1];
  if (last && !(message.time > last.time)) return;
  plots.history.push(message);
  const begin = Date.parse(message.time) - PLOT_SPAN_MS;
  while (plots.history.length && Date.parse(plots.history[0].time) < begin) plots.history.shift();
}

/** What is drawn: groups of figures, each read from one telemetry message. */
function plotGroups(now) {
  const keys = (map) => Object.keys(map || {}).sort();
  const latency = keys(now.latency).map((name) => ({ name, read: (t) => t.latency?.[name]?.p50_us, high: (t) => t.latency?.[name]?.p99_us,
    words: micros, note: "median; pale: 99th percentile" }));
  const totals = latency.filter((plot) => /(^|\/)(total|inspection|recognise|annotate|attendance)$/.test(plot.name));
  return [
    ["Utilisation", keys(now.utilisation).map((name) => ({ name, read: (t) => t.utilisation?.[name], words: percent, top: 1 }))],
    ["Waiting in queues", keys(now.queues).map((name) => ({ name, read: (t) => t.queues?.[name], words: figure, floor: 4 }))],
    ["Latency", totals.length ? totals : latency],
    ["Frames a second", frameRates(now)],
    ["Memory and heat", [
      { name: "memory", read: (t) => t.memory_bytes, words: mebibytes },
      { name: "temperature", read: (t) => t.temperature_c ?? undefined, words: (value) => `${value.toFixed(0)} °C` },
    ]],
  ];
}

/** From the counters of frames: the difference to the message before, over the time between. */
function frameRates(now) {
  return Object.keys(now.counters || {}).filter((name) => name.endsWith("/frames")).sort().map((name) => ({
    name: name.slice(0, -"/frames".length),
    read: (message, before) => {
      if (!before || message.counters?.[name] === undefined || before.counters?.[name] === undefined) return undefined;
      return Math.max(0, message.counters[name] - before.counters[name]) / ((Date.parse(message.time) - Date.parse(before.time)) / 1000);
    },
    words: (value) => value.toFixed(1),
  }));
}

function showPlots() {
  const now = plots.history[plots.history.length - 1];
  if (!now) return;
  const groups = plotGroups(now).map(([title, list]) => [title, list.filter((plot) => lineOf(plot.read).length)]).filter(([, list]) => list.length);
  sync(byId("plots"), groups, ([title]) => title, ([title]) => {
    const list = el("ul", { class: "sparks" });
    return Object.assign(el("section", { class: "card", "aria-label": title }, el("h2", {}, title), list), { list });
  }, (section, [, list]) => sync(section.list, list, (plot) => plot.name, makePlot, updatePlot));
}

function makePlot(plot) {
  const [band, line] = [svg("polyline", { class: "band" }), svg("polyline", { class: "line" })];
  const picture = svg("svg", { viewBox: `0 0 ${PLOT_W} ${PLOT_H}`, preserveAspectRatio: "none", role: "img" },
    svg("line", { class: "axis", x1: 0, x2: PLOT_W, y1: PLOT_H - 1, y2: PLOT_H - 1 }), band, line);
  const figure = el("strong");
  const range = el("span", { class: "muted range" });
  return Object.assign(el("li", {}, el("span", { class: "bar" }, el("span", { class: "name" }, plot.name), figure), picture, range), { picture, band, line, figure, range });
}

function updatePlot(row, plot) {
  const [low, high] = [lineOf(plot.read), plot.high ? lineOf(plot.high) : []];
  const values = [...low, ...high].map(([, value]) => value);
  const most = Math.max(plot.top || 0, plot.floor || 0, ...values) || 1;
  row.line.setAttribute("points", pointsOf(low, most));
  row.band.setAttribute("points", pointsOf(high, most));
  const own = low.map(([, value]) => value);
  const [newest, least, peak] = [own[own.length - 1], Math.min(...own), Math.max(...own)].map(plot.words);
  setText(row.figure, newest);
  setText(row.range, `${least} to ${peak}${high.length ? `, 99 % under ${plot.words(high[high.length - 1][1])}` : ""}`);
  row.picture.setAttribute("aria-label", `${plot.name}: now ${newest}, between ${least} and ${peak} in the last ten minutes`);
}

function lineOf(read) {
  return plots.history.map((message, index) => [Date.parse(message.time), read(message, plots.history[index - 1])]).filter(([, value]) => Number.isFinite(value));
}

function pointsOf(line, most) {
  const end = Date.parse(plots.history[plots.history.length - 1].time);
  const begin = Math.min(Date.parse(plots.history[0].time), end - 60000);
  const x = (time) => (((time - begin) / (end - begin)) * PLOT_W).toFixed(1);
  const y = (value) => (PLOT_H - 2 - (value / most) * (PLOT_H - 5)).toFixed(1);
  return line.map(([time, value]) => `${x(time)},${y(value)}`).join(" ");
}
