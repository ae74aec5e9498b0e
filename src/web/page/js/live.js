// The live view: each camera as motion JPEG while somebody looks, its state in words.

const MAX_STREAMS = 3; // Of six connections; one is the events', two stay free for requests.
const STILL_EVERY_MS = 1000;
const PICTURE_MS = 8000; // A stream that gave nothing for so long is opened again.
const NO_PICTURE = "data-idle";

const live = { cards: new Map(), only: "", timer: 0, firstPicture: false };

/** The cards follow the list of cameras; what stays keeps its stream. */
function showCameras() {
  const names = box.cameras.map((camera) => camera.name);
  if (!names.includes(live.only)) live.only = "";
  setOptions(byId("live-camera"), names);
  byId("live-choice").hidden = names.length < 2;
  byId("live-camera").value = live.only;
  const shown = box.cameras.filter((camera) => !live.only || camera.name === live.only);
  byId("cameras").classList.toggle("single", shown.length === 1);
  sync(byId("cameras"), shown, (camera) => camera.name, makeCamera, updateCamera);
  for (const name of live.cards.keys()) if (!shown.some((camera) => camera.name === name)) live.cards.delete(name);
  playCameras();
}

function makeCamera(camera) {
  const name = camera.name;
  const img = el("img", { alt: `Live picture of camera ${name}`, draggable: false });
  const cover = el("p", { class: "cover" }, "Waiting for the first picture");
  const state = el("span", { class: "state" });
  const rates = el("span", { class: "rates muted" });
  const trigger = el("button", { type: "button", onclick: () => busy(trigger, () => triggerCamera(name)) }, "Trigger");
  trigger.setAttribute("aria-label", `Trigger camera ${name}`);
  const larger = el("button", { class: "quiet icon", type: "button", onclick: () => chooseCamera(live.only ? "" : name) }, icon("larger"));
  const full = el("button", { class: "quiet icon", type: "button", "aria-label": `Camera ${name}, full screen`, title: "Full screen" }, icon("full"));
  const verdict = el("p", { class: "verdict", role: "status" });
  const frame = el("div", { class: "frame" }, img, cover);
  const card = el("article", { class: "card camera", "aria-label": `Camera ${name}` },
    frame,
    el("div", { class: "bar" }, el("div", { class: "bar grow" }, el("h2", {}, name), state, rates), el("div", { class: "group" }, trigger, larger, full)),
    verdict);
  full.addEventListener("click", () => fullScreen(frame));
  img.addEventListener("load", () => pictureCame(card));
  img.addEventListener("error", () => pictureFailed(card));
  live.cards.set(name, Object.assign(card, { img, cover, state, rates, trigger, larger, verdict, camera, failures: 0 }));
  return card;
}

function updateCamera(card, camera) {
  const before = card.camera.state;
  card.camera = camera;
  if (card.dataset.state !== camera.state) {
    card.dataset.state = camera.state;
    card.state.replaceChildren(badge(kindOf(camera.state), camera.state));
  }
  setText(card.rates, cameraRates(camera));
  card.trigger.hidden = !(camera.inspects && may("operator"));
  card.larger.hidden = box.cameras.length < 2;
  const words = live.only ? "Show all cameras" : `Only camera ${camera.name}`;
  card.larger.setAttribute("aria-label", words);
  card.larger.setAttribute("aria-pressed", String(live.only !== ""));
  card.larger.title = words;
  if (camera.width && camera.height) card.img.style.aspectRatio = `${camera.width} / ${camera.height}`;
  coverCamera(card);
  if (before !== "online" && camera.state === "online") restartPicture(card);
}

/** What stands over the picture: nothing while frames come. */
function coverCamera(card) {
  const { state, cause } = card.camera;
  const words = state === "online" ? (card.seen ? "" : card.failures ? "The picture does not come; trying again" : "Waiting for the first picture")
    : `${full(state)} ${cause ? full(cause) : ""}`;
  setText(card.cover, words);
  card.cover.classList.toggle("solid", state !== "online" && state !== "frozen");
  card.cover.hidden = words === "";
}

function cameraRates(camera) {
  const rate = camera.state === "online" && camera.fps !== undefined ? `${figure(Math.round(camera.fps * 10) / 10)} frames/s` : "";
  const steps = (box.telemetry && box.telemetry.latency) || {};
  const total = steps[`${camera.name}/total`] || steps[`camera/${camera.name}/total`];
  return [rate, total && total.p50_us ? micros(total.p50_us) : ""].filter(Boolean).join(" · ");
}

// --- pictures ---

const raw = () => (byId("overlays").checked ? "" : "raw=1");
const liveUrl = (name) => `${API}/cameras/${part(name)}/live?${raw()}`;
const stillUrl = (name) => `${API}/cameras/${part(name)}/picture?${raw()}&t=${Date.now()}`;
const looking = () => !document.hidden && route.view === "live";

/** Starts what should play and stops what should not: the first cameras as streams, the others as stills. */
function playCameras() {
  clearInterval(live.timer);
  [...live.cards.values()].forEach((card, index) => {
    const mode = !looking() ? NO_PICTURE : index < MAX_STREAMS ? "stream" : "still";
    if (card.dataset.mode === mode) return;
    card.dataset.mode = mode;
    showPicture(card);
  });
  live.timer = looking() ? setInterval(refreshStills, STILL_EVERY_MS) : 0;
}

function showPicture(card) {
  clearTimeout(card.retry);
  if (card.dataset.mode === "stream") {
    card.img.src = liveUrl(card.camera.name);
    card.retry = setTimeout(() => checkPicture(card), PICTURE_MS);
  }
  else if (card.dataset.mode === "still") refreshStill(card);
  else card.img.removeAttribute("src"); // Closes the connection.
}

/** Opens the picture again: a stream that has ended does not say so. */
function restartPicture(card) {
  if (card.dataset.mode !== "stream") return;
  card.img.removeAttribute("src");
  showPicture(card);
}

function refreshStills() {
  for (const card of live.cards.values()) if (card.dataset.mode === "still") refreshStill(card);
}

/** The next still only when the one before has come: a slow box is not asked faster than it answers. */
function refreshStill(card) {
  if (card.loading) return;
  card.loading = true;
  card.img.src = stillUrl(card.camera.name);
}

function pictureCame(card) {
  card.loading = false;
  card.failures = 0;
  if (!card.seen) {
    card.seen = true;
    coverCamera(card);
  }
  if (!live.firstPicture) {
    live.firstPicture = true;
    performance.mark("first-picture");
  }
}

/** Not every browser tells of the first picture of a stream. */
function checkPicture(card) {
  if (card.img.naturalWidth > 0) pictureCame(card);
  else if (!card.seen) pictureFailed(card);
}

function pictureFailed(card) {
  card.loading = false;
  if (!card.img.getAttribute("src")) return;
  card.seen = false;
  card.failures += 1;
  coverCamera(card);
  card.img.removeAttribute("src"); // A browser shows a picture that failed as broken.
  if (card.dataset.mode !== "stream") return;
  clearTimeout(card.retry);
  card.retry = setTimeout(() => card.dataset.mode === "stream" && showPicture(card), Math.min(8000, 500 * 2 ** card.failures));
}

function chooseCamera(name) {
  live.only = name;
  showCameras();
  const card = name ? live.cards.get(name) : [...live.cards.values()][0];
  if (card) card.larger.focus();
}

function fullScreen(frame) {
  if (document.fullscreenElement) document.exitFullscreen();
  else if (frame.requestFullscreen) frame.requestFullscreen().catch(() => frame.classList.toggle("filled"));
  else frame.classList.toggle("filled"); // Telephones whose browser shows only videos in full.
}

async function triggerCamera(name) {
  const message = await post(`/cameras/${part(name)}/trigger`, {}, { patience: 30000 });
  const card = live.cards.get(name);
  if (card && message) card.verdict.replaceChildren(verdictBadge(message.verdict), ` ${partWords(message)}`);
}

/** What is drawn over the pictures, or the frames as they are. The choice is kept. */
function chooseOverlays() {
  stored("overlays", byId("overlays").checked ? "on" : "off");
  live.cards.forEach((card) => showPicture(card));
}

function startLive() {
  byId("overlays").checked = stored("overlays") !== "off";
  byId("overlays").addEventListener("change", chooseOverlays);
  byId("live-camera").addEventListener("change", (event) => chooseCamera(event.target.value));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") document.querySelectorAll(".filled").forEach((frame) => frame.classList.remove("filled"));
  });
  hear("cameras", showCameras);
  hear("camera", (message) => {
    if (!message.state) return; // What a camera's trigger says comes under the same name.
    const camera = box.cameras.find((known) => known.name === message.camera);
    if (!camera) return void loadCameras().catch(complain);
    Object.assign(camera, { state: message.state, cause: message.cause, fps: message.fps, frames: message.frames, drops: message.drops });
    const card = live.cards.get(camera.name);
    if (card) updateCamera(card, camera);
    say("cameras-changed");
  });
  hear("telemetry", () => live.cards.forEach((card) => setText(card.rates, cameraRates(card.camera))));
  hear("looking", playCameras);
  hear("reconnected", () => live.cards.forEach(restartPicture));
}
