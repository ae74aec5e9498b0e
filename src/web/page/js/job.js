// One job: its pictures before and after, its files, its times, and what went wrong.

const METHODS = { model: "enlarged by the model", lanczos: "enlarged by Lanczos, without a model", original: "not enlarged: the original" };
const ENDS = { completed: "completed", failed: "failed", timed_out: "took too long", cancelled: "cancelled", killed: "the service died", released: "given back" };

const fileName = (path) => path.split("/").pop();

/** The name of a file that a job made, without the digests of its content. */
const plainName = (path) => fileName(path).replace(/-[0-9a-f]{16}(?=[-.])/g, "");

/** The files of a job's answer, each with its address and what people call it. */
function jobFiles(job) {
  const made = job.result || {};
  const asFile = (one, label) => ({ ...(one.file || one), label: label || plainName((one.file || one).path), how: one });
  const several = made.enlarged || made.generated;
  const single = made.clip || made.fetched || (made.file || made.path ? made : null);
  const all = made.variations ? made.variations.map((one) => asFile(one, behindWords(one.background)))
    : several ? several.map((one) => asFile(one)) : single ? [asFile(single)] : [];
  return all.map((file, at) => ({ ...file, url: `${API}/jobs/${job.id}/files/${at + 1}` }));
}

const isShownPicture = (file) => file.width > 0 && /\.(png|jpg|bmp)$/.test(file.path);

function behindWords(background) {
  if (background.startsWith("plain:")) return `colour ${background.slice(6)}`;
  return background.startsWith("random:") ? background.replace(":", " ") : fileName(background);
}

/** Why pictures were enlarged otherwise than asked for, each reason once. */
function fallbacks(job) {
  const made = job.result || {};
  return [...new Set((made.enlarged || [made]).map((one) => one.fell_back).filter(Boolean))];
}

/** The answer in a few words. */
function answerWords(job) {
  const made = job.result || {};
  if (made.method) return `${METHODS[made.method] || made.method}, ${sizeWords(made.file)}`;
  const pictures = made.enlarged || made.variations || made.generated;
  if (pictures) return parts(pictures.length, "picture");
  if (made.clip) return `${duration(made.seconds)} of ${parts(made.pictures, "picture")}`;
  if (made.fetched) return sizeWords(made.fetched);
  if (made.uploaded) return parts(made.uploaded.length, "file");
  if (made.rows !== undefined) return parts(made.rows, "row");
  return made.fovs === undefined ? "" : `${parts(made.fovs, "field")} of view`;
}

const sizeWords = (file) => `${file.width} × ${file.height} px`;

function jobDialog(job) {
  const body = el("div", { class: "stack" });
  const dialog = showDialog(`Job ${job.id}: ${jobWork(job).toLowerCase()}, ${job.name}`, body, () => { jobs.open = null; });
  dialog.classList.add("wide");
  jobs.open = { id: job.id, state: "", body };
  showOpenJob(job);
}

/** Draws the job anew when its state or an attempt has changed, otherwise only how far it is. */
function showOpenJob(job) {
  const open = jobs.open;
  const state = `${stateOfJob(job)[1]} ${job.attempts.length} ${job.ended}`;
  if (open.state !== state) {
    const hadFocus = open.body.contains(document.activeElement);
    open.state = state;
    open.words = el("span", { class: "muted" });
    open.bar = el("progress", { max: 1, "aria-label": `Progress of job ${job.id}`, hidden: job.state !== "running" });
    open.body.replaceChildren(el("p", {}, badge(...stateOfJob(job)), " ", open.words), open.bar, ...jobSections(job));
    if (hadFocus) byId("dialog-title").focus();
  }
  setText(open.words, jobWords(job));
  open.bar.value = job.progress;
}

function jobSections(job) {
  const fault = jobFault(job);
  const files = jobFiles(job);
  return [
    fault && el("p", { class: `note ${job.state === "failed" ? "bad" : "warn"}` }, icon("warn"), el("span", {}, fault)),
    files.length ? filesOfJob(job, files) : null, jobFacts(job), attemptList(job), jobButtons(job),
  ].filter(Boolean);
}

/** The chosen picture beside what it was made from, and every file to download. */
function filesOfJob(job, files) {
  const pictures = files.filter(isShownPicture);
  const place = el("div");
  const show = async (at) => {
    const before = await pictureBefore(job, at, pictures.length);
    place.replaceChildren(before ? comparePictures(before, pictures[at], job.name) : onePicture(pictures[at], job.name));
  };
  if (pictures.length) show(0).catch(complain);
  const film = files.find((file) => file.path.endsWith(".mp4"));
  if (film) place.append(el("div", { class: "frame" }, clipOf(film, job.name)));
  const choose = pictures.length < 2 ? null : el("label", { class: "inline" }, el("span", {}, "Picture"),
    el("select", { onchange: (event) => show(Number(event.target.value)).catch(complain) }, ...pictures.map((picture, at) => new Option(picture.label, at))));
  const list = el("ul", { class: "files", "aria-label": `Files of job ${job.id}` }, ...files.map((file) =>
    el("li", {}, el("span", { class: "words" }, file.label, " ", el("span", { class: "muted" }, fileWords(file))),
      el("a", { class: "button", href: file.url, download: fileName(file.path), "aria-label": `Download ${file.label}` }, "Download"))));
  const zip = files.length < 2 ? null : el("div", { class: "bar end" }, el("a", { class: "button", href: `${API}/jobs/${job.id}/zip`, download: "" }, "All as ZIP"));
  return el("div", { class: "stack" }, choose, place, list, zip);
}

const fileWords = (file) => [isShownPicture(file) ? sizeWords(file) : "", kibibytes(file.bytes), METHODS[file.how.method]].filter(Boolean).join(", ");

const kibibytes = (bytes) => (bytes < 1048576 ? `${Math.max(1, Math.round(bytes / 1024))} KiB` : mebibytesOf(bytes));

/** The picture from which the answer's picture `at` was made; empty where it is not known any more. */
async function pictureBefore(job, at, count) {
  if (job.picture) return `${API}/jobs/${job.id}/picture`;
  const parents = await Promise.all(job.after.map(async (id) => jobs.list.get(id) || ask(`/jobs/${id}`).catch(() => null)));
  const made = parents.filter(Boolean).flatMap((parent) => jobFiles(parent).filter(isShownPicture));
  if (made.length === 1) return made[0].url;
  return made.length === count ? made[at].url : "";
}

/** Takes the place of a picture or clip that the box does not have any more. */
const fileIsGone = () => el("p", { class: "muted" }, "This file is not on the box any more.");

function clipOf(film, name) {
  const clip = el("video", { src: film.url, controls: true, preload: "metadata", "aria-label": `Clip of ${name}` });
  clip.addEventListener("error", () => clip.parentElement.replaceWith(el("p", { class: "muted" }, "This clip is not on the box any more, or this browser does not play its kind.")));
  return clip;
}

function onePicture(file, name) {
  const img = el("img", { src: file.url, alt: `${name}: ${file.label}` });
  const frame = el("div", { class: "frame" }, img);
  img.addEventListener("error", () => frame.replaceWith(fileIsGone()));
  return frame;
}

/** Two pictures over each other, with a slider between them that fingers, mouse and arrow keys move. */
function comparePictures(before, file, name) {
  const first = el("img", { class: "before", src: before, alt: `${name}, before` });
  const after = el("img", { src: file.url, alt: `${name}, after: ${file.label}` });
  const pair = el("div", { class: "pair" }, after, first,
    el("span", { class: "chip" }, "Before"), el("span", { class: "chip" }, "After"), el("span", { class: "seam" }));
  const slider = el("input", { type: "range", class: "grow", min: "0", max: "100", value: "50" });
  const control = el("label", { class: "inline" }, el("span", {}, "Before and after"), slider);
  const move = (percentage) => {
    slider.value = percentage;
    slider.setAttribute("aria-valuetext", `${slider.value} % before`);
    pair.style.setProperty("--at", `${slider.value}%`);
  };
  const follow = (event) => {
    const place = pair.getBoundingClientRect();
    if (event.buttons) move((100 * (event.clientX - place.left)) / place.width);
  };
  slider.addEventListener("input", () => move(slider.value));
  for (const kind of ["pointerdown", "pointermove"]) pair.addEventListener(kind, follow);
  // The file on the box was removed or is no picture any more.
  first.addEventListener("error", () => {
    pair.replaceChildren(after);
    setText(control, "The picture before is not on the box any more.");
  });
  after.addEventListener("error", () => {
    pair.replaceWith(fileIsGone());
    control.remove();
  });
  pair.style.setProperty("--ratio", file.width / file.height);
  move(50);
  return el("div", { class: "stack" }, pair, control);
}

function jobFacts(job) {
  const made = job.result || {};
  const times = Object.entries(job.processing_times).filter(([step]) => step !== "total");
  const facts = [
    ["Method", METHODS[made.method] || made.encoder || ""],
    ["Foreground", made.foreground === undefined ? "" : percent(made.foreground)],
    ["From", made.from || made.service || ""],
    ["Sent to", (made.uploaded || []).map((one) => one.to).join(", ")],
    ["Times", [...times, ["total", job.processing_times.total || 0]].map(([step, seconds]) => `${step} ${micros(seconds * 1e6)}`).join(", ")],
    ["Waited", job.waited_ms ? micros(job.waited_ms * 1000) : ""],
    ["Added", dayAndClock(job.created)],
    ["Ended", job.ended ? dayAndClock(job.ended) : ""],
    ["Priority", job.priority],
    ["Workflow", job.workflow ?? ""],
    ["After jobs", job.after.join(", ")],
  ];
  return el("dl", { class: "proof" }, ...facts.filter(([, value]) => value !== "").flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, String(value))]));
}

/** The attempts, where there was more than one or the only one failed. */
function attemptList(job) {
  if (job.attempts.length < 2 && !job.attempts.some((attempt) => attempt.reason)) return null;
  return el("ul", { class: "reasons", "aria-label": "Attempts" }, ...job.attempts.map((attempt) =>
    el("li", {}, full(`attempt ${attempt.number}, ${dayAndClock(attempt.started)}: ${ENDS[attempt.end] || attempt.end || "under way"}${attempt.reason ? `: ${attempt.reason}` : ""}`))));
}

function jobButtons(job) {
  if (!may("operator") || !(isOpenJob(job) || isRetryable(job))) return null;
  const action = isOpenJob(job) ? "cancel" : "retry";
  const button = el("button", { type: "button", disabled: job.is_stopping }, action === "cancel" ? "Cancel this job" : "Try this job again");
  button.addEventListener("click", () => busy(button, () => actOnJob(job, action)));
  return el("div", { class: "bar end" }, button);
}
