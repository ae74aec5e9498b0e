// New jobs: pictures are dropped, chosen or named, and one request says what becomes of all of them.

const MOST_JOB_PICTURES = 30; // A table comes after at most 64 jobs, which are two for each picture.
const SENDING_MS = 600000; // A large picture over a telephone's network.
/** Refusals that are about one picture: the others go on without it. */
const PICTURE_REFUSALS = ["bad_name", "unknown_picture", "not_allowed"];

/** `request` is what was asked for last and not answered: with the same key the box adds its jobs once, however often it is sent. */
const adding = { pictures: [], next: 0, request: { words: "", key: "" } };

function takeFiles(files) {
  addEntries([...files], (file) => ({ file, label: file.name, url: URL.createObjectURL(file), name: "" }));
}

/** What stands in the field becomes entries of the list, where a refusal has its place. */
function takeNames() {
  const field = byId("jobs-names");
  const names = field.value.split("\n").map((line) => line.trim()).filter(Boolean);
  addEntries(names, (name) => ({ file: null, label: fileName(name), url: "", name }));
  field.value = "";
}

/** Adds an entry for each picture that there is a place for, and says how many there were too many. */
function addEntries(given, entryOf) {
  const free = MOST_JOB_PICTURES - adding.pictures.filter((one) => !one.fault).length;
  const taken = given.slice(0, Math.max(0, free));
  for (const one of taken) adding.pictures.push({ ...entryOf(one), id: adding.next++, fault: "", state: "" });
  const left = given.length - taken.length;
  if (left) sayIn(byId("jobs-message"), "warn", `${parts(left, "picture was", "pictures were")} not taken: ${MOST_JOB_PICTURES} at one time are the most.`);
  showEntries();
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

/** The request with a key for each job, the same one where this request was sent before and no answer came. */
function withKeys(workflow) {
  const words = JSON.stringify(workflow);
  const random = () => [...crypto.getRandomValues(new Uint32Array(4))].map((number) => number.toString(36)).join("-");
  if (adding.request.words !== words) adding.request = { words, key: random() };
  return { jobs: workflow.jobs.map((job, at) => ({ ...job, unique_key: `page ${adding.request.key} ${at}` })) };
}

async function sendWorkflow(wanted) {
  const sentAgain = new Set();
  for (;;) {
    const ready = adding.pictures.filter((picture) => !picture.fault);
    if (!ready.length) return sayIn(byId("jobs-message"), "warn", "All pictures were refused, for the reasons above.");
    try {
      return jobsAdded(ready, await changeJobs("/workflows", withKeys(workflowOf(ready, wanted)), { patience: LONG_MS }));
    } catch (error) {
      // A refusal of one job begins with its label.
      const [, at, reason] = /^job "(?:made|large)(\d+)": (.*)$/s.exec(error.message) || [];
      if (at === undefined || !PICTURE_REFUSALS.includes(error.code)) throw error;
      const picture = ready[at];
      // The box removes a picture that no job has used for an hour.
      if (error.code === "unknown_picture" && picture.file && !sentAgain.has(picture)) {
        sentAgain.add(picture);
        picture.name = "";
        await sendEntries();
        continue;
      }
      picture.fault = sentence({ message: reason, remedy: error.remedy });
      showEntries();
    }
  }
}

function jobsAdded(ready, workflow) {
  adding.request = { words: "", key: "" };
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
