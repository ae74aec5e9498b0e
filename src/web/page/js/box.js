// How the box is: status, alarms, cameras, plots, units, configuration, audit.

const MANY_TABS = 7; // More of them have no icons, so that they fit beside each other on usual screens.

async function loadBox() {
  const [answer, units] = await Promise.all([ask("/telemetry"), ask("/units"), loadStatus(), loadAlarms(), loadCameras()]);
  plots.history = (answer && answer.history) || [];
  if (answer && answer.now) takeTelemetry(answer.now);
  showBox();
  showUnits(units || []);
  if (byId("config").open) await loadConfig();
  if (byId("audit").open) await loadAudit();
}

async function loadStatus() {
  box.status = await ask("/status");
  box.features = box.status.features || {};
  showStatus();
}

async function loadAlarms() {
  box.alarms = (await ask("/alarms")) || [];
  showAlarms();
}

async function loadCameras() {
  box.cameras = (await askFirst("/cameras")) || [];
  say("cameras");
  say("cameras-changed");
}

/** What stands on every view: the box's name, and a line for each alarm. */
function showStatus() {
  const answer = box.status;
  setText(byId("device"), answer.device || answer.host || "");
  document.title = `${answer.device || answer.host || "box"} · Ocellus`;
  let isMoved = false;
  for (const [view, feature] of [["people", "people"], ["attendance", "people"], ["inspections", "inspection"], ["recordings", "recordings"], ["batch", "batch"], ["jobs", "jobs"], ["commands", "commands"], ["curves", "intake"]]) {
    const tab = document.querySelector(`#tabs a[href="#${view}"]`);
    const isHidden = box.features[feature] === false;
    isMoved ||= tab.hidden !== isHidden;
    tab.hidden = isHidden;
  }
  const isMany = document.querySelectorAll("#tabs a:not([hidden])").length > MANY_TABS;
  isMoved ||= byId("tabs").classList.contains("many") !== isMany;
  byId("tabs").classList.toggle("many", isMany);
  if (isMoved) showCurrentTab();
  showState();
  showEnrol();
  if (route.view === "box") showFacts();
}

/** The box's own state, apart from the browser's connection to it. */
function showState() {
  const { state, reasons = [] } = box.status;
  const chip = byId("state");
  const kind = kindOf(state);
  const words = reasons.length ? `${full(state).slice(0, -1)}: ${parts(reasons.length, "reason")}` : full(state).slice(0, -1);
  chip.hidden = false;
  chip.title = reasons.join("\n");
  chip.setAttribute("aria-label", `The box is ${state}${reasons.length ? `: ${reasons.join("; ")}` : ""}`);
  if (chip.dataset.words !== words) {
    chip.dataset.words = words;
    chip.className = `chip ${kind}`;
    chip.replaceChildren(icon(kind === "good" ? "good" : "warn"), el("span", {}, words));
  }
  byId("reasons-card").hidden = reasons.length === 0;
  sync(byId("reasons"), reasons, (reason) => reason, (reason) => el("li", {}, full(reason)));
}

function showAlarms() {
  const unseen = box.alarms.filter((alarm) => !alarm.acknowledged_by);
  sync(byId("banners"), unseen.slice(0, 3), (alarm) => alarm.name, (alarm) =>
    el("p", { class: "note bad" }, icon("warn"), el("span"), el("a", { href: "#box" }, "Alarms")),
  (line, alarm) => setText(line.querySelector("span"), `${alarm.name}: ${full(alarm.cause)}`));
  byId("alarms-none").hidden = box.alarms.length > 0;
  sync(byId("alarms"), box.alarms, (alarm) => alarm.name, makeAlarm, (row, alarm) => {
    setText(row.children[1], `${alarm.name}: ${full(alarm.cause)}`);
    const seen = alarm.acknowledged_by ? `, acknowledged by ${alarm.acknowledged_by} at ${dayAndClock(alarm.acknowledged_at)}` : "";
    setText(row.children[2], alarm.since ? `since ${dayAndClock(alarm.since)}${seen}` : "");
    row.lastElementChild.hidden = !!alarm.acknowledged_by || !may("operator");
  });
}

function makeAlarm(alarm) {
  const button = el("button", { type: "button", class: "acknowledge", "aria-label": `Acknowledge ${alarm.name}` }, "Acknowledge");
  button.addEventListener("click", () => busy(button, async () => {
    await post(`/alarms/${part(alarm.name)}/acknowledge`);
    await loadAlarms();
  }));
  return el("li", {}, badge("bad", "Alarm"), el("span", { class: "words" }), el("span", { class: "muted" }), button);
}

function showBox() {
  showFacts();
  showPlots();
  showBoxCameras();
}

function showFacts() {
  const answer = box.status;
  if (!answer) return;
  const now = box.telemetry || {};
  const figures = [["State", full(answer.state).slice(0, -1)], ["Running for", duration(answer.uptime_s)], ["Version", answer.version],
    ["Configuration", String(answer.config_hash || "").slice(0, 12)]];
  if (answer.host) figures.push(["Host", answer.host]);
  if (now.memory_bytes) figures.push(["Memory", mebibytes(now.memory_bytes)]);
  if (now.temperature_c !== undefined && now.temperature_c !== null) figures.push(["Temperature", `${now.temperature_c.toFixed(0)} °C`]);
  showFigures(byId("box-facts"), figures);
}

function showBoxCameras() {
  sync(byId("box-cameras"), box.cameras, (camera) => camera.name,
    () => el("li", {}, el("span"), el("span", { class: "words" }), el("span", { class: "muted" })), (row, camera) => {
      if (row.dataset.state !== camera.state) row.children[0].replaceChildren(badge(kindOf(camera.state), camera.state));
      row.dataset.state = camera.state;
      const size = camera.width ? `${camera.width} × ${camera.height}` : "";
      setText(row.children[1], [camera.name, size, `${figure(Math.round((camera.fps || 0) * 10) / 10)} frames/s`].filter(Boolean).join(", "));
      const cause = camera.cause ? full(camera.cause) : "";
      setText(row.children[2], `${cause} ${camera.source || ""} · ${parts(camera.frames || 0, "frame")}, ${camera.drops || 0} skipped`);
    });
}

// --- units ---

function showUnits(units) {
  sync(byId("units"), units, (unit) => unit.name, makeUnit, (row, unit) => {
    if (row.dataset.state !== unit.state) row.cells[1].replaceChildren(badge(kindOf(unit.state), unit.state));
    row.dataset.state = unit.state;
    setText(row.cells[2], String(unit.restarts || 0));
    setText(row.cells[3], unit.last_error || "");
    row.cells[4].hidden = !may("operator");
  });
}

function makeUnit(unit) {
  const restart = el("button", { type: "button", "aria-label": `Restart ${unit.name}` }, "Restart");
  restart.addEventListener("click", () => busy(restart, async () => {
    await post(`/units/${part(unit.name)}/restart`, {}, { patience: 30000 });
    tell(`Unit ${unit.name} was restarted.`);
    showUnits((await ask("/units")) || []);
  }));
  return el("tr", {}, el("th", { scope: "row" }, unit.name), el("td"), el("td", { class: "num" }), el("td", { class: "cause" }), el("td", {}, restart));
}

// --- configuration and audit: read when opened ---

async function loadConfig() {
  const answer = await ask("/config");
  setText(byId("config-note"), `${answer.path || ""} · SHA-256 ${String(answer.hash || "").slice(0, 12)}, secrets hidden`);
  setText(byId("config-text"), answer.text || "");
}

async function loadAudit() {
  const list = (await ask("/audit?limit=200")) || [];
  byId("audit-rows").replaceChildren(...list.map((entry) => el("tr", {}, el("td", {}, dayAndClock(entry.time)),
    ...["source", "user", "action", "target", "outcome"].map((key) => el("td", {}, String(entry[key] ?? ""))))));
  setText(byId("audit-empty"), list.length ? "" : "Nothing was changed yet.");
  const refused = (await ask("/audit/refused?limit=200")) || [];
  byId("refused-rows").replaceChildren(...refused.map((entry) => el("tr", {}, el("td", {}, `${entry.source} ${entry.from}`),
    el("td", {}, dayAndClock(entry.time)), el("td", {}, dayAndClock(entry.last)), el("td", { class: "num" }, String(entry.count)),
    el("td", {}, (entry.users || []).join(", ")),
    el("td", {}, Object.entries(entry.causes || {}).map(([cause, count]) => `${cause} × ${count}`).join(", ")))));
  setText(byId("refused-empty"), refused.length ? "" : "Nothing was refused yet.");
}

function takeTelemetry(answer) {
  box.telemetry = answer;
  addTelemetry(answer);
}

function startBox() {
  byId("config").addEventListener("toggle", () => byId("config").open && loadConfig().catch(complain));
  byId("audit").addEventListener("toggle", () => byId("audit").open && loadAudit().catch(complain));
  hear("telemetry", (answer) => {
    takeTelemetry(answer);
    if (route.view === "box") showBox();
  });
  hear("cameras-changed", () => route.view === "box" && showBoxCameras());
  hear("status", (answer) => {
    box.status = { ...box.status, ...answer };
    showStatus();
    if (route.view === "box") ask("/units").then((units) => showUnits(units || [])).catch(complain);
  });
  hear("alarm", (answer) => {
    const name = answer.name || String(answer.topic || "").split("/").slice(1).join("/");
    box.alarms = box.alarms.filter((alarm) => alarm.name !== name);
    if (!answer.over) box.alarms.push(answer);
    showAlarms();
  });
}
