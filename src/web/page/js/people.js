// The gallery: who is enrolled, with the pictures that were kept.

const PEOPLE_STEP = 60; // Faces of thousands are not drawn at once.

const people = { list: [], model: null, shown: PEOPLE_STEP };

async function loadPeople() {
  const answer = (await ask("/people")) || {};
  people.list = answer.people || [];
  people.model = answer.model || null;
  const stale = answer.stale || 0;
  byId("people-stale").hidden = stale === 0;
  setText(byId("people-stale-words"), `${parts(stale, "picture was", "pictures were")} enrolled with another model than the one in use${
    people.model ? ` (${people.model.name})` : ""}, and cannot be recognised until enrolled again.`);
  showPeople();
}

/** Whether there is a camera that recognises: without one nobody can be enrolled. */
const recognises = () => box.features.people !== false;

function showEnrol() {
  byId("people-enrol").hidden = !(may("operator") && box.status && recognises());
}

function showPeople() {
  const wanted = byId("people-find").value.trim().toLocaleLowerCase();
  const found = people.list.filter((person) => !wanted || person.name.toLocaleLowerCase().includes(wanted));
  sync(byId("people-list"), found.slice(0, people.shown), (person) => person.id, makePerson, updatePerson);
  byId("people-more").hidden = found.length <= people.shown;
  const none = !recognises() ? "No camera of this box recognises faces: give one `recognise` in the configuration first." : people.list.length ? `Nobody's name has “${byId("people-find").value.trim()}” in it.`
    : `Nobody is enrolled yet.${may("operator") ? " Enrol a person with a few pictures, and the cameras know the face from then on." : ""}`;
  setText(byId("people-note"), found.length ? `${parts(found.length, "person", "people")}${wanted ? " found" : " enrolled"}` : none);
}

const cropUrl = (person, sample) => `${API}/people/${part(person.id)}/pictures/${part(sample.id)}`;

function makePerson(person) {
  const faces = el("span", { class: "faces" });
  const words = el("span", { class: "name" });
  const note = el("span", { class: "muted" });
  const button = el("button", { type: "button", class: "card person" }, faces, words, note);
  button.addEventListener("click", () => personDialog(person.id));
  return Object.assign(el("li", {}, button), { faces, words, note });
}

function updatePerson(row, person) {
  const samples = person.samples || [];
  sync(row.faces, samples.slice(0, 4), (sample) => sample.id, (sample) =>
    el("img", { src: cropUrl(person, sample), alt: "", loading: "lazy", width: 56, height: 56 }));
  setText(row.words, person.name);
  const stale = samples.filter((sample) => sample.stale).length;
  setText(row.note, `${parts(samples.length, "picture")}${stale ? `, ${stale} to enrol again` : ""}`);
}

async function reenrol() {
  const answer = await post("/people/reenrol", {}, { patience: LONG_MS });
  const failed = Array.isArray(answer.failed) ? answer.failed.length : answer.failed || 0;
  const done = Array.isArray(answer.done) ? answer.done.length : answer.done;
  tell(`${parts(done, "picture")} enrolled again${failed ? `; ${failed} could not be, and need new pictures` : ""}.`, failed ? "warn" : "good");
  await loadPeople();
}

async function importGallery(input) {
  const [file] = input.files;
  if (!file) return;
  const answer = await post("/people/import", await file.text(), { patience: LONG_MS });
  input.value = "";
  const figures = Object.entries(answer || {}).filter(([, value]) => typeof value === "number").map(([name, value]) => `${name} ${value}`);
  tell(`The gallery was imported${figures.length ? `: ${figures.join(", ")}` : ""}.`);
  await loadPeople();
}

function startPeople() {
  byId("people-find").addEventListener("input", () => {
    people.shown = PEOPLE_STEP;
    showPeople();
  });
  byId("people-more").addEventListener("click", () => {
    people.shown += PEOPLE_STEP;
    showPeople();
  });
  byId("people-enrol").addEventListener("click", () => enrolDialog(null, () => loadPeople().catch(complain)));
  byId("people-reenrol").addEventListener("click", (event) => busy(event.currentTarget, reenrol));
  const input = byId("people-import");
  input.addEventListener("change", () => busy(input.parentElement, () => importGallery(input)));
}
