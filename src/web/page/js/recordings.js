// Recordings, newest first: pictures are shown, films played where the browser can, and everything is offered as a file.

const RECORDINGS_PAGE = 60;

const recordings = { list: [], next: null, timer: 0 };

function recordingsQuery(before) {
  const asked = new URLSearchParams({ limit: RECORDINGS_PAGE });
  for (const key of ["camera", "kind"]) {
    const value = byId(`recordings-${key}`).value;
    if (value) asked.set(key, value);
  }
  const day = byId("recordings-day").value;
  if (day) {
    const start = new Date(`${day}T00:00:00`);
    asked.set("since", start.toISOString());
    asked.set("until", new Date(start.getFullYear(), start.getMonth(), start.getDate() + 1).toISOString());
  }
  if (before) asked.set("before", before);
  return asked;
}

async function loadRecordings() {
  setOptions(byId("recordings-camera"), box.cameras.map((camera) => camera.name));
  await takeRecordings(null);
}

/** The first page, or the one after what is shown. */
async function takeRecordings(before) {
  const asked = recordingsQuery(before).toString();
  const answer = (await ask(`/recordings?${asked}`)) || { recordings: [] };
  // Somebody may have chosen other ones meanwhile.
  if (asked !== recordingsQuery(before).toString()) return;
  // Somebody who asks twice gets the page once.
  if (before && before !== recordings.next) return;
  recordings.list = before ? [...recordings.list, ...answer.recordings] : answer.recordings;
  recordings.next = answer.next || null;
  showRecordings();
}

/** What is new, before all that is shown: further pages stay where somebody looks at them. */
async function refreshRecordings() {
  const asked = recordingsQuery(null).toString();
  const newest = recordings.list[0]?.id ?? Infinity;
  let fresh = [];
  let next = null;
  do {
    const answer = (await ask(`/recordings?${recordingsQuery(next)}`)) || { recordings: [] };
    // Somebody may have chosen other ones meanwhile.
    if (asked !== recordingsQuery(null).toString()) return;
    fresh = [...fresh, ...answer.recordings];
    next = answer.next || null;
  } while (next && next > newest + 1 && fresh.length < RECORDINGS_PAGE * 10);
  const older = next && next <= newest + 1 ? recordings.list.filter((known) => known.id < next) : [];
  if (!older.length) recordings.next = next;
  recordings.list = [...fresh, ...older];
  showRecordings();
}

function showRecordings() {
  sync(byId("recordings-list"), recordings.list, (recording) => `${recording.id} ${recording.state}`, makeRecording);
  byId("recordings-empty").hidden = recordings.list.length > 0;
  byId("recordings-more").hidden = !recordings.next;
}

const isPlayable = (recording) => recording.content_type === "video/mp4";

function makeRecording(recording) {
  const lasts = (new Date(recording.ended) - new Date(recording.started)) / 1000;
  const about = recording.kind === "clip" ? `clip, ${duration(lasts)}, ${parts(recording.frames, "frame")}` : `frame ${recording.first_frame}`;
  const state = { writing: badge("plain", "being written"), interrupted: badge("warn", "interrupted") }[recording.state];
  const button = el("button", { type: "button", class: "card part" },
    recording.kind === "picture" ? el("img", { src: recording.path, alt: "", loading: "lazy" }) : el("span", { class: "nopicture" }, el("span", { class: "muted" }, isPlayable(recording) ? "film" : "film to download")),
    el("span", { class: "bar" }, el("span", {}, about), state || null),
    el("span", { class: "words" }, recording.causes.join(" · ")),
    el("span", { class: "muted when" }, el("time", { dateTime: recording.started }, dayAndClock(recording.started)), ` · ${recording.camera}`));
  button.addEventListener("click", () => recordingDialog(recording));
  return el("li", {}, button);
}

const recordingUrl = (recording, role) => `${recording.path}?part=${role}`;

/** The picture or the film itself; what a browser cannot play is only offered as a file. */
function recordingScreen(recording, role) {
  if (recording.state === "writing") return el("p", { class: "note" }, "It is still being written.");
  const source = recordingUrl(recording, role);
  if (recording.kind === "picture") return el("img", { src: source, alt: `Frame ${recording.first_frame} of ${recording.camera}` });
  if (isPlayable(recording)) return el("video", { src: source, controls: true, preload: "metadata", "aria-label": `Clip of ${recording.camera}` });
  return el("p", { class: "note" }, "Browsers do not play motion JPEG in Matroska: download it and open it in a player. With an H.264 encoder on the box new clips play here.");
}

function recordingDialog(recording) {
  const layers = recording.parts.filter((one) => one.role !== "sidecar").map((one) => one.role);
  const frame = el("div", { class: "frame" }, recordingScreen(recording, layers[0]));
  const choose = layers.length < 2 ? null : el("label", { class: "inline" }, el("span", {}, "Show"),
    el("select", { onchange: (event) => frame.replaceChildren(recordingScreen(recording, event.target.value)) },
      ...layers.map((layer) => new Option(layer, layer))));
  const files = recording.parts.map((one) => el("a", { class: "button", href: recordingUrl(recording, one.role), download: one.file.split("/").pop() }, `${one.role} (${mebibytesOf(one.bytes)})`));
  const facts = [["Camera", recording.camera], ["From", dayAndClock(recording.started)], ["To", dayAndClock(recording.ended)],
    ["Frames", `${recording.first_frame} to ${recording.last_frame}, ${recording.frames} recorded`], ["Experiment", recording.experiment], ["Because of", recording.causes.join(", ")]];
  const list = el("dl", { class: "proof" }, ...facts.filter(([, value]) => value).flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, String(value))]));
  const remove = may("operator") ? el("button", { type: "button", class: "danger" }, "Delete") : null;
  const dialog = showDialog(`Recording ${recording.id}`, el("div", { class: "stack" }, choose, frame, list, el("div", { class: "bar" }, ...files, remove)));
  if (!remove) return;
  remove.addEventListener("click", () => busy(remove, async () => {
    if (remove.dataset.sure !== "1") {
      remove.dataset.sure = "1";
      return setText(remove, "Delete for good?");
    }
    await ask(`/recordings/${recording.id}`, { method: "DELETE" });
    recordings.list = recordings.list.filter((known) => known.id !== recording.id);
    dialog.close();
    showRecordings();
  }));
}

/** Small files have tenths. */
const mebibytesOf = (bytes) => (bytes < 10485760 ? `${(bytes / 1048576).toFixed(1)} MiB` : mebibytes(bytes));

/** The link of an event or a part to its recording, once it is there. */
async function openRecording(path) {
  const id = Number(path.split("/").pop());
  const recording = (await ask(`/recordings?before=${id + 1}&limit=1`)).recordings[0];
  if (!recording || recording.id !== id) return tell("The recording is not there yet, or not any more.", "warn");
  recordingDialog(recording);
}

function recordingButton(path) {
  const button = el("button", { type: "button" }, "Show the recording");
  button.addEventListener("click", () => busy(button, () => openRecording(path)));
  return button;
}

function recordingNews(message) {
  if (message.event === "gap") return { kind: "event", sign: "warn", subject: message.camera, words: `${parts(message.frames, "frame")} not recorded` };
  return message.event === "stopped" ? { kind: "event", sign: "warn", subject: message.camera, words: "recording has stopped" } : null;
}

function startRecordings() {
  for (const id of ["recordings-camera", "recordings-kind", "recordings-day"]) byId(id).addEventListener("change", () => takeRecordings(null).catch(complain));
  byId("recordings-more").addEventListener("click", (event) => busy(event.currentTarget, () => takeRecordings(recordings.next)));
  byId("recordings-again").addEventListener("click", (event) => busy(event.currentTarget, refreshRecordings));
  hear("recording", (message) => {
    addNews([message], true);
    if (message.event !== "clip" || route.view !== "recordings" || recordings.timer) return;
    recordings.timer = setTimeout(() => {
      recordings.timer = 0;
      refreshRecordings().catch(complain);
    }, 500);
  });
}
