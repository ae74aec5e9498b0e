// New jobs: pictures are dropped, chosen or named, and one request says what becomes of all of them.

const MOST_JOB_PICTURES = 30; // A table comes after at most 64 jobs, which are two for each picture.
const SENDING_MS = 600000; // A large picture over a telephone's network.
/** Refusals that are about one picture: the others go on without it. */
const PICTURE_REFUSALS = ["bad_name", "unknown_picture", "not_allowed"];

const adding = { pictures: [], next: 0 };

function takeFiles(files) {
  for (const file of files) addEntry({ file, label: file.name, url: URL.createObjectURL(file), name: "" });
  showEntries();
}

/** What stands in the field becomes entries of the list, where a refusal has its place. */
function takeNames() {
  const field = byId("jobs-names");
  const names = field.value.split("\n").map((line) => line.trim()).filter(Boolean);
  names.forEach((name) => addEntry({ file: null, label: fileName(name), url: "", name }));
  field.value = "";
  showEntries();
}

function addEntry(entry) {
  const isTooMany = adding.pictures.filter((one) => !one.fault).length >= MOST_JOB_PICTURES;
  const fault = isTooMany ? `Not taken: ${MOST_JOB_PICTURES} pictures at one time are the most.` : "";
  adding.pictures.push({ ...entry, id: adding.next++, fault, state: "" });
}

function showEntries() {
  sync(byId("jobs-chosen"), adding.pictures, (picture) => picture.id, makeEntry, (row, picture) => {
    setText(row.fault, picture.fault);
    setText(row.state, picture.state);
  });
}

function makeEntry(picture) {
  const img = picture.url ? el("img", { src: picture.url, alt: "" }) : el("span", { class: "onbox" }, icon("object"));
  img.addEventListener("error", () => img.classList.add("broken"));
  const remove = el("button", { class: "quiet icon", type: "button", "aria-label": `Take ${picture.label} out` }, icon("close"));
  remove.addEventListener("click", () => forgetEntries([picture]));
  const [state, fault] = [el("span", { class: "muted" }), el("span", { class: "fault" })];
  return Object.assign(el("li", {}, img, el("span", { class: "words" }, el("span", {}, picture.label), state, fault), remove), { state, fault });
}

function forgetEntries(gone) {
  gone.forEach((picture) => picture.url && URL.revokeObjectURL(picture.url));
  adding.pictures = adding.pictures.filter((picture) => !gone.includes(picture));
  showEntries();
}

/** What the form asks for; `null` where it asks for nothing. */
function wantedWork() {
  const isOn = (id) => byId(id).checked;
  const backgrounds = [isOn("jobs-white") && "white", isOn("jobs-plain") && `plain:${byId("jobs-colour").value}`,
    ...Array(isOn("jobs-random") ? Number(byId("jobs-randoms").value) || 1 : 0).fill("random")].filter(Boolean);
  const factor = Number(byId("jobs-factor").value);
  if (!backgrounds.length && !factor) return null;
  return { backgrounds, factor, shadow: isOn("jobs-shadow"), table: byId("jobs-table").value, priority: Number(byId("jobs-priority").value) };
}

/** One workflow for all pictures. One that fails holds up nothing but what is made of it. */
function workflowOf(pictures, { backgrounds, factor, shadow, table, priority }) {
  const list = [];
  pictures.forEach(({ name: picture, label: name }, at) => {
    const one = { name: name.slice(0, 100), priority };
    if (backgrounds.length) list.push({ label: `made${at}`, kind: "variations", parameters: { picture, backgrounds, shadow }, ...one });
    if (!factor) return;
    const source = backgrounds.length ? { parameters: { from_jobs: true, factor }, needs: [`made${at}`] } : { parameters: { picture, factor } };
    list.push({ label: `large${at}`, kind: "upscale", ...source, ...one });
  });
  if (table) list.push({ label: "table", kind: "report", parameters: { format: table }, follows: list.map((job) => job.label), priority });
  return { jobs: list };
}

async function addJobs() {
  const message = byId("jobs-message");
  message.replaceChildren();
  takeNames();
  const wanted = wantedWork();
  if (!wanted) return sayIn(message, "warn", "Choose a background, or how much the pictures are enlarged.");
  if (!adding.pictures.some((picture) => !picture.fault)) return sayIn(message, "warn", "Choose at least one picture that was not refused.");
  try {
    await sendEntries();
    await sendWorkflow(wanted);
  } catch (error) {
    if (error.code !== "login_needed") sayIn(message, "bad", sentence(error));
  }
}

/** Sends the files that the box does not have yet, one after another. */
async function sendEntries() {
  for (const picture of adding.pictures.filter((one) => one.file && !one.name && !one.fault)) {
    picture.state = "is being sent";
    showEntries();
    try {
      const answer = await post(`/jobs/pictures?name=${part(picture.label)}`, picture.file, { patience: SENDING_MS });
      picture.name = answer.picture;
    } catch (error) {
      refuseEntry(picture, error);
    } finally {
      picture.state = "";
      showEntries();
    }
  }
}

/** Writes a refusal beside the name of its picture; what is not about the picture stops all. */
function refuseEntry(picture, error) {
  if (!(error.status >= 400 && error.status < 500) || [401, 403, 408, 429].includes(error.status)) throw error;
  picture.fault = sentence(error);
}

async function sendWorkflow(wanted) {
  for (;;) {
    const ready = adding.pictures.filter((picture) => !picture.fault);
    if (!ready.length) return sayIn(byId("jobs-message"), "warn", "All pictures were refused, for the reasons above.");
    try {
      return jobsAdded(ready, await post("/workflows", workflowOf(ready, wanted)));
    } catch (error) {
      // A refusal of one job begins with its label.
      const [, at, reason] = /^job "(?:made|large)(\d+)": (.*)$/s.exec(error.message) || [];
      if (at === undefined || !PICTURE_REFUSALS.includes(error.code)) throw error;
      ready[at].fault = sentence({ message: reason, remedy: error.remedy });
      showEntries();
    }
  }
}

function jobsAdded(ready, workflow) {
  workflow.jobs.forEach(takeJob);
  forgetEntries(ready);
  tell(`${parts(workflow.jobs.length, "job")} for ${parts(ready.length, "picture")} added, as workflow ${workflow.id}.`);
  const refused = adding.pictures.length;
  if (refused) sayIn(byId("jobs-message"), "warn", `${parts(refused, "picture was", "pictures were")} refused, see above.`);
}

function startJobForm() {
  // On a telephone the queue comes first.
  byId("jobs-new").open = !matchMedia("(max-width: 820px)").matches;
  for (const id of ["jobs-files", "jobs-shot"]) {
    byId(id).addEventListener("change", (event) => {
      takeFiles([...event.target.files]);
      event.target.value = "";
    });
  }
  acceptDrops(byId("jobs-form"), takeFiles);
  for (const [field, choice] of [["jobs-colour", "jobs-plain"], ["jobs-randoms", "jobs-random"]]) {
    byId(field).addEventListener("input", () => { byId(choice).checked = true; });
  }
  byId("jobs-form").addEventListener("submit", (event) => {
    event.preventDefault();
    busy(byId("jobs-add"), addJobs);
  });
}
