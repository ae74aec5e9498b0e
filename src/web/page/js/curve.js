// One curve: the mean as a line, minimum to maximum as a band, alarm lines, the time below. Dragging chooses a span.

const CURVE_H = 190;

function makeCurve(series) {
  const name = series.channel.channel;
  const [newest, words] = [el("strong"), el("p", { class: "muted" })];
  const csv = el("a", { class: "button quiet", download: "", "aria-label": `${name} as CSV` }, "CSV");
  const picture = svg("svg", { class: "chart curve", role: "img", height: CURVE_H, tabindex: 0 });
  const row = Object.assign(el("li", { class: "card stack" },
    el("div", { class: "bar" }, el("h2", {}, name), newest, csv), picture, words), { picture, newest, words, csv, drag: null });
  startDrag(row);
  return row;
}

function updateCurve(row, series) {
  row.series = series;
  const { channel } = series;
  const unit = channel.unit ? ` ${channel.unit}` : "";
  setText(row.newest, channel.value === null ? "" : `${figure(channel.value)}${unit}`);
  const [since, until] = curvesSpan();
  row.csv.href = `${API}/intake/${part(channel.channel)}?format=csv&points=5000&since=${part(new Date(since).toISOString())}&until=${part(new Date(until).toISOString())}`;
  const at = series.t_ms.findIndex((t) => t >= since);
  const seen = at < 0 ? [] : series.t_ms.map((t, index) => index).slice(Math.max(0, at - 1));
  const [least, most] = [Math.min(...seen.map((index) => series.min[index])), Math.max(...seen.map((index) => series.max[index]))];
  const text = seen.length ? `${figure(least)} to ${figure(most)}${unit}, ${parts(seen.reduce((sum, index) => sum + series.count[index], 0), "value")}` : "no values in this time";
  setText(row.words, `${full(text)} ${limitWords(channel, unit)}`.trim());
  row.picture.setAttribute("aria-label", `${channel.channel} from ${dayAndClock(since)} to ${dayAndClock(until)}: ${text}`);
  const width = Math.max(280, Math.round(row.picture.parentElement.clientWidth - 32) || NARROW);
  row.scale = curveScale(width, [since, until], rangeWith(least, most, channel));
  drawCurve(row, series, seen);
}

const limitWords = ({ low, high }, unit) =>
  [low === null ? "" : `Alarm below ${figure(low)}${unit}.`, high === null ? "" : `Alarm above ${figure(high)}${unit}.`].filter(Boolean).join(" ");

/** The values with a margin; a limit is shown where that does not press the curve into less than a third. */
function rangeWith(least, most, { low, high }) {
  let [bottom, top] = Number.isFinite(least) ? [least, most] : [0, 1];
  const span = top - bottom || Math.abs(top) * 0.1 || 1;
  if (top === bottom) [bottom, top] = [bottom - span / 2, top + span / 2];
  if (high !== null && high > top && high - top < 2 * span) top = high;
  if (low !== null && low < bottom && bottom - low < 2 * span) bottom = low;
  const margin = (top - bottom) * 0.06;
  return [bottom - margin, top + margin];
}

function curveScale(width, [t0, t1], [y0, y1]) {
  const [left, right, top, bottom] = [64, width - 8, 8, CURVE_H - 24];
  const x = (t) => left + ((t - t0) / (t1 - t0)) * (right - left);
  const y = (value) => bottom - ((value - y0) / (y1 - y0)) * (bottom - top);
  const time = (at) => t0 + ((at - left) / (right - left)) * (t1 - t0);
  return { width, left, right, top, bottom, t0, t1, y0, y1, x, y, time };
}

/** Steps of 1, 2 or 5 times a power of ten: about four on the scale. */
function curveTicks(y0, y1) {
  const rough = (y1 - y0) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= rough) * power;
  const ticks = [];
  for (let at = Math.ceil(y0 / step); at * step <= y1 && ticks.length < 12; at += 1) ticks.push(at * step);
  return ticks;
}

const TIME_STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 604800, 1209600, 2592000];

/** Whole minutes, hours and days of the viewer's clock. */
function timeTicks({ t0, t1, width }) {
  const rough = (t1 - t0) / 1000 / Math.max(2, Math.floor(width / 130));
  const step = (TIME_STEPS_S.find((seconds) => seconds >= rough) || 2592000) * 1000;
  const shift = new Date(t1).getTimezoneOffset() * 60000;
  const ticks = [];
  for (let t = Math.ceil((t0 - shift) / step) * step + shift; t <= t1 && ticks.length < 20; t += step) ticks.push([t, timeWords(t, step)]);
  return ticks;
}

const timeWords = (t, step) =>
  step >= 86400000 ? new Date(t).toLocaleDateString([], { day: "numeric", month: "short" }) : clock(t, undefined, step < 60000);

function drawCurve(row, series, seen) {
  const { scale, picture } = row;
  const { channel } = series;
  picture.setAttribute("viewBox", `0 0 ${scale.width} ${CURVE_H}`);
  const point = (values, index) => `${scale.x(series.t_ms[index]).toFixed(1)},${scale.y(values[index]).toFixed(1)}`;
  const text = (x, y, words, anchor) => svg("text", { x: x.toFixed(1), y: y.toFixed(1), "text-anchor": anchor }, words);
  const grid = curveTicks(scale.y0, scale.y1).flatMap((value) => [
    svg("line", { class: "grid", x1: scale.left, x2: scale.right, y1: scale.y(value), y2: scale.y(value) }),
    text(scale.left - 6, scale.y(value) + 4, figure(value), "end")]);
  const times = timeTicks(scale).map(([t, words]) => text(Math.min(Math.max(scale.x(t), scale.left + 20), scale.right - 24), CURVE_H - 6, words, "middle"));
  const runs = curveRuns(series, seen);
  const bands = runs.filter((run) => run.some((index) => series.max[index] > series.min[index])).map((run) =>
    svg("polygon", { class: "band", points: [...run.map((index) => point(series.max, index)), ...[...run].reverse().map((index) => point(series.min, index))].join(" ") }));
  const lines = runs.map((run) => (run.length > 1
    ? svg("polyline", { class: "mean", points: run.map((index) => point(series.mean, index)).join(" ") })
    : svg("circle", { class: "point", cx: scale.x(series.t_ms[run[0]]), cy: scale.y(series.mean[run[0]]), r: 2.5 })));
  const limits = [channel.low, channel.high].filter((limit) => limit !== null && limit >= scale.y0 && limit <= scale.y1).map((limit) =>
    svg("line", { class: "limit", x1: scale.left, x2: scale.right, y1: scale.y(limit), y2: scale.y(limit) }));
  row.mark = svg("g", { class: "mark" });
  picture.replaceChildren(...grid, ...times, ...bands, ...lines, ...limits, row.mark);
  showMark(row);
}

/** Stretches without a hole: where nothing came for much longer than usual the line ends. */
function curveRuns(series, seen) {
  const gaps = seen.slice(1).map((index) => series.t_ms[index] - series.t_ms[index - 1]).sort((one, next) => one - next);
  const usual = gaps[Math.floor(gaps.length / 2)] || 0;
  const runs = [];
  for (const index of seen) {
    const run = runs[runs.length - 1];
    const gap = run ? series.t_ms[index] - series.t_ms[run[run.length - 1]] : Infinity;
    if (run && gap <= Math.max(5 * usual, series.level === "points" ? 3000 : 11000)) run.push(index);
    else runs.push([index]);
  }
  return runs;
}

// --- pointing and dragging ---

function startDrag(row) {
  const { picture } = row;
  const at = (event) => {
    const box = picture.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * row.scale.width;
    return Math.min(Math.max(x, row.scale.left), row.scale.right);
  };
  picture.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !row.scale) return;
    picture.setPointerCapture(event.pointerId);
    const { scale } = row; // The span must not move under the finger.
    row.drag = { scale, from: at(event), to: at(event) };
  });
  picture.addEventListener("pointermove", (event) => {
    if (!row.scale) return;
    if (row.drag) row.drag.to = at(event);
    row.point = at(event);
    showMark(row);
  });
  const end = (event) => {
    const drag = row.drag;
    row.drag = null;
    if (drag && event.type === "pointerup" && Math.abs(drag.to - drag.from) > 12) {
      zoomTo(drag.scale.time(Math.min(drag.from, drag.to)), drag.scale.time(Math.max(drag.from, drag.to)));
    }
    showMark(row);
  };
  picture.addEventListener("pointerup", end);
  picture.addEventListener("pointercancel", end);
  picture.addEventListener("pointerleave", () => {
    row.point = undefined;
    showMark(row);
  });
  picture.addEventListener("keydown", (event) => {
    const factor = { "+": 0.5, "-": 2 }[event.key];
    if (factor) zoomBy(factor);
  });
}

/** The chosen span while dragging, else the value under the pointer. */
function showMark(row) {
  const { scale, series, mark } = row;
  if (!mark) return;
  if (row.drag) {
    const [x0, x1] = [Math.min(row.drag.from, row.drag.to), Math.max(row.drag.from, row.drag.to)];
    return mark.replaceChildren(svg("rect", { x: x0, y: scale.top, width: x1 - x0, height: scale.bottom - scale.top }));
  }
  if (row.point === undefined || !series.t_ms.length) return mark.replaceChildren();
  const wanted = scale.time(row.point);
  const index = series.t_ms.reduce((best, t, here) => (Math.abs(t - wanted) < Math.abs(series.t_ms[best] - wanted) ? here : best), 0);
  const x = scale.x(series.t_ms[index]);
  if (x < scale.left || x > scale.right) return mark.replaceChildren();
  const words = `${clock(series.t_ms[index])}  ${figure(series.mean[index])}`;
  const anchor = x > (scale.left + scale.right) / 2 ? "end" : "start";
  mark.replaceChildren(svg("line", { x1: x, x2: x, y1: scale.top, y2: scale.bottom }),
    svg("circle", { cx: x, cy: scale.y(series.mean[index]), r: 3.5 }),
    svg("text", { x: x + (anchor === "end" ? -8 : 8), y: scale.top + 12, "text-anchor": anchor }, words));
}
