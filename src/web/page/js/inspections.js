// Inspected parts, newest first, each with its picture and every region (ROI).

const PARTS_MAX = 120;
const PICTURE_TRIES = 3; // A part is reported before its picture is drawn.

const inspections = { list: [] };

async function loadInspections() {
  inspections.list = (await ask(`/inspections?limit=${PARTS_MAX}`)) || [];
  showInspections();
}

function showInspections() {
  const cameras = [...new Set(inspections.list.map((message) => message.camera))].sort();
  setOptions(byId("parts-camera"), cameras);
  byId("parts-camera-label").hidden = cameras.length < 2;
  const [verdict, camera] = [byId("parts-verdict").value, byId("parts-camera").value];
  const bad = (message) => ["ng", "error", "missed", "overrun"].includes(message.verdict);
  const shown = inspections.list.filter((message) =>
    (!camera || message.camera === camera) && (!verdict || (verdict === "bad" ? bad(message) : message.verdict === verdict)));
  sync(byId("parts"), shown, (message) => message.acquisition, makePart);
  byId("parts-empty").hidden = shown.length > 0;
  setText(byId("parts-empty"), inspections.list.length ? "No parts match." : "No part was inspected yet.");
  showSums();
}

/** The sums since the service began, as telemetry tells them. */
function showSums() {
  const cameras = Object.entries((box.telemetry && box.telemetry.inspection) || {});
  const figures = cameras.flatMap(([name, sums]) => {
    const head = cameras.length > 1 ? `${name}: ` : "";
    const share = sums.yield_share === null || sums.yield_share === undefined ? "–" : `${(sums.yield_share * 100).toFixed(1)} %`;
    return [[`${head}yield`, share], [`${head}ok`, sums.ok], [`${head}ng`, sums.ng], [`${head}error`, sums.error],
      [`${head}missed, overrun`, `${sums.missed}, ${sums.overrun}`], [`${head}parts/min`, figure(sums.per_minute)]];
  });
  showFigures(byId("parts-sums"), figures);
}

function showFigures(list, figures) {
  sync(list, figures, ([name]) => name, ([name]) => el("li", {}, el("span", { class: "muted" }, name), el("strong")),
    (row, [, value]) => setText(row.lastElementChild, String(value)));
}

const partPicture = (message) => message.picture || `${API}/inspections/${message.acquisition}/picture`;

/** The first thing that is wrong, or the product: what a line of an event says. */
function partWords(message) {
  const wrong = (message.rois || []).filter((roi) => roi.verdict !== "ok");
  const what = message.cause || wrong.map((roi) => roi.name).join(", ");
  return [message.product || message.camera, message.trigger && message.trigger.text, what].filter(Boolean).join(" · ");
}

function makePart(message) {
  const button = el("button", { type: "button", class: "card part" }, partImage(message, "", true),
    el("span", { class: "bar" }, verdictBadge(message.verdict), el("span", { class: "muted" }, `no. ${message.acquisition}`)),
    el("span", { class: "words" }, partWords(message)),
    el("span", { class: "muted when" }, el("time", { dateTime: message.time }, dayAndClock(message.time)), ` · ${message.camera}`));
  button.addEventListener("click", () => partDialog(message));
  return el("li", {}, button);
}

/** The picture, or in words that there is none (yet): it is asked for again. */
function partImage(message, alt, lazy) {
  const words = el("span", { class: "muted" }, message.picture === null ? "no picture" : "picture not drawn yet");
  const place = el("span", { class: "nopicture" }, words);
  if (message.picture === null) return place;
  // Unseen until it has come: a browser shows what has not as broken.
  const img = el("img", { class: "unseen", src: partPicture(message), alt, loading: lazy ? "lazy" : "eager" });
  let tries = 0;
  img.addEventListener("load", () => {
    img.classList.remove("unseen");
    words.remove();
  });
  img.addEventListener("error", () => {
    tries += 1;
    if (tries <= PICTURE_TRIES) return void setTimeout(() => (img.src = `${partPicture(message)}?try=${tries}`), 500 * tries);
    img.remove();
    setText(words, "no picture");
  });
  place.append(img);
  return place;
}

function partDialog(message) {
  const facts = [["Camera", message.camera], ["Product", message.product], ["Recipe, goldens", `${message.recipe_revision}, ${message.golden_revision}`],
    ["Trigger", [message.trigger.kind, message.trigger.name, message.trigger.text].filter(Boolean).join(" ")],
    ["Time", dayAndClock(message.time)], ["Trigger to verdict", micros(message.latency.total_us)]];
  const list = el("dl", { class: "proof" }, ...facts.filter(([, value]) => value).flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, String(value))]));
  showDialog(`Part ${message.acquisition}`, el("div", { class: "stack" },
    el("p", {}, verdictBadge(message.verdict), message.cause ? ` ${full(message.cause)}` : ""),
    el("div", { class: "frame" }, partImage(message, `Part ${message.acquisition}, ${message.verdict}: ${partWords(message)}`, false)),
    (message.rois || []).length ? roiTable(message.rois) : null, message.recording ? recordingButton(message.recording) : null, list));
}

function roiTable(rois) {
  const head = ["Region", "Verdict", "Measured", "Found"].map((name) => el("th", { scope: "col" }, name));
  const rows = rois.map((roi) => {
    const limit = roi.threshold === undefined ? "" : el("span", { class: "muted" }, ` limit ${figure(roi.threshold)}`);
    const found = roi.error || roi.text || roi.boxes.map((place) => place.label).filter(Boolean).join(", ");
    return el("tr", {}, el("th", { scope: "row" }, roi.name, el("small", { class: "muted" }, roi.kind)), el("td", {}, verdictBadge(roi.verdict)),
      el("td", {}, roi.score === undefined ? "" : `${figure(roi.score)} ${roi.unit || ""}`, limit), el("td", { class: "cause" }, found));
  });
  return el("div", { class: "table", tabIndex: 0, role: "region", "aria-label": "Regions of the part" },
    el("table", {}, el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...rows)));
}

function startInspections() {
  for (const id of ["parts-verdict", "parts-camera"]) byId(id).addEventListener("change", showInspections);
  hear("inspection", (message) => {
    if (inspections.list.some((known) => known.acquisition === message.acquisition)) return;
    inspections.list = [message, ...inspections.list].slice(0, PARTS_MAX);
    if (route.view === "inspections") showInspections();
  });
  hear("telemetry", () => route.view === "inspections" && showSums());
}
