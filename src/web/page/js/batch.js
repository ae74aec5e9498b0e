// Microscopy: recipes and their runs; of the chosen one the pictures over time, the traces, marks and fits.

const [WIDE, NARROW] = [640, 340]; // Widths of charts in their own units, so that words stay readable on a telephone.
const CHART_H = 230;
const BINS = 24;

const batch = { recipes: [], run: null, chosen: "", results: null, traces: null, fov: 0, frame: 0, cell: 0, asked: 0, steps: new Map() };

async function loadBatch() {
  let answer = { recipes: [], run: null };
  try {
    answer = await ask("/batch");
    setText(byId("batch-folder"), answer.recipes.length ? "" : `There is no recipe in ${answer.folder}.`);
  } catch (error) {
    if (error.code !== "not_here") throw error;
    setText(byId("batch-folder"), sentence(error)); // The tab is hidden then; somebody came by the address.
  }
  Object.assign(batch, { recipes: answer.recipes, run: answer.run });
  showBatch();
}

function showBatch() {
  sync(byId("batch-recipes"), batch.recipes, (recipe) => recipe.recipe, makeRecipe, updateRecipe);
}

const RESULTS = {
  none: ["plain", "No results"], running: ["good", "Running"], interrupted: ["warn", "Interrupted"],
  complete: ["good", "Complete"], faulty: ["bad", "Faulty"],
};
const isOver = (run) => !["preparing", "running"].includes(run.state);

function makeRecipe(recipe) {
  const name = recipe.recipe;
  const action = (word, path, kind) => {
    const button = el("button", { type: "button", class: kind || "", "aria-label": `${word} ${name}` }, word);
    button.addEventListener("click", () => busy(button, async () => {
      takeRun(await post(`/batch/${part(name)}/${path}`));
      await loadBatch();
    }));
    return button;
  };
  const row = el("li", { class: "card stack" });
  const buttons = { run: action("Run", "run", "primary"), resume: action("Resume", "resume", "primary"), cancel: action("Cancel", "cancel") };
  const look = el("button", { type: "button", "aria-label": `Look at the results of ${name}` }, "Results");
  look.addEventListener("click", () => busy(look, () => chooseRecipe(name)));
  const bar = el("progress", { max: 1000, "aria-label": `Progress of ${name}` });
  const [state, words, fovs] = [el("span"), el("p", { class: "muted" }), el("ul", { class: "steps", "aria-label": `Fields of view of ${name}` })];
  row.append(el("div", { class: "bar" }, el("h2", {}, name), state, el("span", { class: "grow" }), ...Object.values(buttons), look), bar, words, fovs);
  return Object.assign(row, { buttons, look, bar, state, words, fovs });
}

function updateRecipe(row, recipe) {
  const run = batch.run && batch.run.recipe === recipe.recipe ? batch.run : null;
  const now = run && !isOver(run);
  const state = now ? "running" : recipe.state;
  if (row.dataset.state !== state) row.state.replaceChildren(badge(...(RESULTS[state] || ["plain", state])));
  row.dataset.state = state;
  const free = may("operator") && (!batch.run || isOver(batch.run));
  row.buttons.run.hidden = !(free && state === "none");
  row.buttons.resume.hidden = !(free && state === "interrupted");
  row.buttons.cancel.hidden = !(may("operator") && now);
  row.look.hidden = !recipe.id || recipe.complete === 0;
  row.bar.hidden = !now;
  if (now) row.bar.value = run.permille;
  setText(row.words, now ? runWords(run) : recipeWords(recipe, run));
  const steps = now ? [...batch.steps].sort(([one], [next]) => one - next) : [];
  sync(row.fovs, steps, ([fov]) => fov, makeStep, updateStep);
}

/** The step of a field of view that is under way. */
function makeStep([fov]) {
  const bar = el("progress", { "aria-label": `Field of view ${fov}` });
  const words = el("span", { class: "muted" });
  return Object.assign(el("li", {}, el("span", {}, `Field of view ${fov}`), bar, words), { bar, words });
}

function updateStep(row, [, report]) {
  Object.assign(row.bar, { max: report.T, value: report.t });
  setText(row.words, `${report.step} ${report.t} of ${report.T}`);
}

function runWords(run) {
  const left = run.eta_s === null ? "" : `, about ${duration(run.eta_s)} left`;
  const fovs = run.fovs ? `, ${run.complete} of ${parts(run.fovs, "field")} of view complete` : "";
  const failed = run.failed ? `, ${run.failed} failed` : "";
  return full(`${(run.permille / 10).toFixed(0)} %${left}${fovs}${failed}: ${run.message}`);
}

function recipeWords(recipe, run) {
  if (recipe.fault) return recipe.fault;
  if (run && run.cause) return sentence({ message: run.cause, remedy: run.remedy });
  const counts = `${recipe.complete} of ${parts(recipe.fovs, "field")} of view complete${recipe.failed ? `, ${recipe.failed} failed` : ""}`;
  return recipe.state === "none" ? `Its results go into ${recipe.out}.` : full(`${counts}, in ${recipe.out}`);
}

function takeRun(run) {
  const over = isOver(run) && batch.run && !isOver(batch.run);
  if (!batch.run || batch.run.id !== run.id || isOver(run)) batch.steps.clear();
  if (run.step === "table") batch.steps.delete(run.fov); // Its last step: it is complete.
  else if (run.fov !== null && !isOver(run)) batch.steps.set(run.fov, run);
  batch.run = run;
  if (route.view !== "batch") return;
  showBatch();
  if (over) loadBatch().then(() => batch.chosen === run.recipe && chooseRecipe(run.recipe)).catch(complain);
}

// --- the results of one recipe ---

const resultsPath = (rest) => `/batch/${part(batch.chosen)}/${rest}`;

async function chooseRecipe(name) {
  batch.chosen = name;
  batch.results = await ask(resultsPath("results"));
  byId("batch-results").hidden = false;
  setText(byId("batch-results-title"), `Results of ${name}`);
  byId("batch-tables").href = API + resultsPath("tables");
  const fovs = batch.results.fovs.filter((fov) => fov.cells > 0 || fov.state === "complete");
  byId("batch-fov").replaceChildren(...fovs.map((fov) => new Option(fovName(fov), fov.fov)));
  fillSelect(byId("batch-feature"), batch.results.features);
  fillSelect(byId("batch-model"), batch.results.models);
  const failed = batch.results.fovs.filter((fov) => fov.cause);
  byId("batch-failed").replaceChildren(...failed.map((fov) => el("li", {}, `Field of view ${fov.fov} failed: ${full(fov.cause)}`)));
  showFits();
  if (fovs.length) await chooseFov(fovs[0].fov);
  byId("batch-results-title").scrollIntoView({ block: "start" });
}

const fovName = (fov) => `${fov.fov}: ${parts(fov.cells, "cell")}${fov.dropped ? `, ${fov.dropped} dropped` : ""}`;

function fillSelect(select, names) {
  const chosen = select.value;
  select.replaceChildren(...names.map((name) => new Option(name, name)));
  if (names.includes(chosen)) select.value = chosen;
}

async function chooseFov(fov) {
  Object.assign(batch, { fov, cell: 0 });
  const known = batch.results.fovs.find((one) => one.fov === fov);
  const slider = byId("batch-frame");
  slider.max = Math.max(0, known.frames - 1);
  showFrame(Math.min(batch.frame, known.frames - 1));
  await loadTraces();
}

/** While the slider moves only the newest frame is asked for: the picture before it must have come. */
function showFrame(frame) {
  batch.frame = Math.max(0, frame);
  byId("batch-frame").value = batch.frame;
  setText(byId("batch-frame-words"), `Frame ${batch.frame} of ${Number(byId("batch-frame").max) + 1}`);
  const picture = byId("batch-picture");
  picture.alt = `Field of view ${batch.fov}, frame ${batch.frame}: the cells with their outlines and ids`;
  const wanted = API + resultsPath(`fovs/${batch.fov}/overlay?frame=${batch.frame}&mark=${batch.asked}`);
  if (picture.dataset.busy) return void (picture.dataset.next = wanted);
  if (picture.getAttribute("src") === wanted) return;
  picture.dataset.busy = "1";
  picture.src = wanted;
}

function cellsCame(event) {
  const picture = event.currentTarget;
  byId("batch-picture-none").hidden = event.type === "load";
  picture.classList.toggle("unseen", event.type !== "load");
  const next = picture.dataset.next;
  delete picture.dataset.busy;
  delete picture.dataset.next;
  if (next && next !== picture.getAttribute("src")) {
    picture.dataset.busy = "1";
    picture.src = next;
  }
}

async function loadTraces() {
  const feature = byId("batch-feature").value;
  batch.traces = await ask(resultsPath(`fovs/${batch.fov}/traces?feature=${part(feature)}`));
  showTraces();
}

function showTraces() {
  const { cells, of, time_units: units, feature } = batch.traces;
  const points = cells.flatMap((cell) => cell.times.map((time, at) => [time, cell.values[at]])).filter(([, value]) => value !== null);
  const frame = chartFrame(points, units, feature, WIDE);
  const lines = [...cells].sort((one, next) => (one.cell === batch.cell) - (next.cell === batch.cell)).map((cell) => {
    const kind = cell.cell === batch.cell ? "chosen" : cell.good ? "trace" : "trace bad";
    const text = cell.times.map((time, at) => [time, cell.values[at]]).filter(([, value]) => value !== null).map(([time, value]) => `${frame.x(time)},${frame.y(value)}`);
    return svg("polyline", { class: kind, points: text.join(" ") });
  });
  const bad = cells.filter((cell) => !cell.good).length;
  const words = `${feature} of ${parts(cells.length, "cell")}${of > cells.length ? ` (of ${of})` : ""}, ${bad} marked as bad${batch.cell ? `; cell ${batch.cell} is drawn thick` : ""}`;
  byId("batch-traces").replaceChildren(chart(words, frame, lines));
  setText(byId("batch-traces-words"), full(words));
  sync(byId("batch-cells"), cells, (cell) => cell.cell, makeCell, updateCell);
}

function makeCell(cell) {
  const choose = el("button", { type: "button", class: "quiet", "aria-label": `Show cell ${cell.cell}` }, String(cell.cell));
  choose.addEventListener("click", () => {
    batch.cell = batch.cell === cell.cell ? 0 : cell.cell;
    showTraces();
  });
  const box = el("input", { type: "checkbox", "aria-label": `The trace of cell ${cell.cell} is good` });
  box.disabled = !may("operator");
  box.addEventListener("change", () => markCell(cell.cell, box));
  return Object.assign(el("li", {}, box, choose), { box, choose });
}

function updateCell(row, cell) {
  row.box.checked = cell.good;
  row.choose.setAttribute("aria-pressed", String(batch.cell === cell.cell));
}

async function markCell(id, box) {
  try {
    const answer = await post(resultsPath(`fovs/${batch.fov}/cells/${id}`), { good: box.checked });
    batch.traces.cells.find((cell) => cell.cell === id).good = answer.good;
    batch.asked += 1; // The picture draws bad cells in another colour.
    showFrame(batch.frame);
  } catch (error) {
    box.checked = !box.checked;
    complain(error);
  }
  showTraces();
}

// --- fits ---

async function fitTraces() {
  const body = { model: byId("batch-model").value, feature: byId("batch-feature").value };
  batch.results = await post(resultsPath("fits"), body, { patience: LONG_MS });
  showFits();
  tell(`Fitted: ${parts(batch.results.fits.length, "table")} of fits.`);
}

function showFits() {
  sync(byId("batch-fits"), batch.results.fits, (fit) => `${fit.table} ${fit.cells} ${fit.r_squared.join()}`, makeFit);
}

function makeFit(fit) {
  const [good, fair, poor] = fit.classes;
  const plots = [["R²", fit.r_squared], ...fit.parameters.map((parameter) => [parameter.name, parameter.values])];
  const failed = fit.failed ? `, ${fit.failed} failed` : "";
  return el("li", { class: "stack" }, el("h3", {}, `${fit.model}: ${fit.table}`),
    el("p", {}, `${parts(fit.cells, "trace")}: `, badge("good", `${good} good`), " ", badge("warn", `${fair} fair`), " ", badge("bad", `${poor} poor`), failed),
    el("div", { class: "histograms" }, ...plots.map(([name, values]) => histogram(name, values)), scatter(fit)));
}

function histogram(name, values) {
  const finite = values.filter(Number.isFinite).sort((one, next) => one - next);
  if (!finite.length) return null;
  const [least, most] = [finite[0], finite[finite.length - 1]];
  const width = (most - least || 1) / BINS;
  const counts = new Array(BINS).fill(0);
  finite.forEach((value) => (counts[Math.min(BINS - 1, Math.floor((value - least) / width))] += 1));
  const points = counts.flatMap((count, at) => [[least + at * width, count], [least + (at + 1) * width, 0]]);
  const frame = chartFrame(points, name, "traces", NARROW);
  const bars = counts.map((count, at) => svg("rect", { class: "bin", x: frame.x(least + at * width), y: frame.y(count),
    width: (frame.w / BINS - 1).toFixed(1), height: Math.max(0, frame.bottom - frame.y(count)).toFixed(1) }));
  const median = finite[Math.floor(finite.length / 2)];
  return chart(`Histogram of ${name}: median ${figure(median)}, between ${figure(least)} and ${figure(most)}`, frame, bars);
}

/** The first two parameters against each other. */
function scatter(fit) {
  if (fit.parameters.length < 2) return null;
  const [one, next] = fit.parameters;
  const points = one.values.map((value, at) => [value, next.values[at]]).filter((point) => point.every(Number.isFinite));
  if (!points.length) return null;
  const frame = chartFrame(points, one.name, next.name, NARROW);
  return chart(`${next.name} against ${one.name}, ${parts(points.length, "trace")}`, frame,
    points.map(([x, y]) => svg("circle", { class: "point", cx: frame.x(x), cy: frame.y(y), r: 2.5 })));
}

// --- charts ---

/** Scales for `points`; the ordinate begins at 0 where nothing is negative. */
function chartFrame(points, abscissa, ordinate, width) {
  const [left, right, top, bottom] = [64, width - 12, 26, CHART_H - 36];
  const range = (at) => points.reduce(([least, most], point) => [Math.min(least, point[at]), Math.max(most, point[at])], [Infinity, -Infinity]);
  const [x0, x1] = points.length ? range(0) : [0, 1];
  const [low, high] = points.length ? range(1) : [0, 1];
  const y0 = low >= 0 ? 0 : low;
  const x = (value) => (left + ((value - x0) / (x1 - x0 || 1)) * (right - left)).toFixed(1);
  const y = (value) => (bottom - ((value - y0) / (high - y0 || 1)) * (bottom - top)).toFixed(1);
  return { width, x, y, x0, x1, y0, y1: high, left, right, top, bottom, w: right - left, abscissa, ordinate };
}

function chart(words, frame, content) {
  const label = (x, y, text, anchor) => svg("text", { x, y, "text-anchor": anchor }, text);
  return svg("svg", { viewBox: `0 0 ${frame.width} ${CHART_H}`, class: "chart", role: "img", "aria-label": words },
    svg("path", { class: "axis", d: `M${frame.left} ${frame.top}V${frame.bottom}H${frame.right}` }), ...content,
    label(frame.left, CHART_H - 16, figure(frame.x0), "start"), label(frame.right, CHART_H - 16, figure(frame.x1), "end"),
    label((frame.left + frame.right) / 2, CHART_H - 4, frame.abscissa, "middle"),
    label(frame.left - 6, frame.bottom, figure(frame.y0), "end"), label(frame.left - 6, frame.top + 10, figure(frame.y1), "end"),
    label(frame.left, frame.top - 10, frame.ordinate, "start"));
}

function startBatch() {
  byId("batch-fov").addEventListener("change", (event) => chooseFov(Number(event.target.value)).catch(complain));
  byId("batch-feature").addEventListener("change", () => loadTraces().catch(complain));
  byId("batch-frame").addEventListener("input", (event) => showFrame(Number(event.target.value)));
  for (const kind of ["load", "error"]) byId("batch-picture").addEventListener(kind, cellsCame);
  byId("batch-fit").addEventListener("click", (event) => busy(event.currentTarget, fitTraces));
  hear("batch", takeRun);
}
