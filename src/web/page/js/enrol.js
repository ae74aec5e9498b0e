// Enrolment: pictures are chosen, dropped, taken with a telephone or by a camera of the box; each refusal has words.

const MOST_PICTURES = 12;
const LARGEST_SIDE = 1600; // px; a face needs far less, and a telephone's 12 megapixels would take seconds to send.
const SMALL_ENOUGH = 1.5e6; // bytes; smaller files go as they are
const LARGEST_FILE = 20e6; // bytes

/** The form: for a new person, or (`person`) for more pictures of a known one. */
function enrolDialog(person, done) {
  const state = { pictures: [], from: "files", next: 0, person };
  const form = el("form", { class: "stack enrol" });
  state.name = el("input", { name: "name", autocomplete: "off", maxLength: 80, required: true });
  state.list = el("ul", { class: "chosen", "aria-label": "Chosen pictures" });
  state.message = el("div", { role: "alert" });
  state.send = el("button", { class: "primary", type: "submit" }, person ? "Add the pictures" : "Enrol");
  const sources = [filesField(state)];
  const cameras = box.cameras.filter((camera) => camera.recognises !== false);
  if (cameras.length) sources.push(cameraField(state, cameras));
  form.append(
    ...(person ? [] : [el("label", {}, "Name ", state.name)]),
    ...(sources.length > 1 ? [sourceChoice(state, sources)] : []),
    ...sources, state.message, el("div", { class: "bar end" }, state.send));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    busy(state.send, () => sendEnrolment(state, state.person, false));
  });
  acceptDrops(form, (files) => addPictures(state, files));
  state.done = done;
  state.dialog = showDialog(person ? `More pictures of ${person.name}` : "Enrol a person", form, () => forgetPictures(state));
  if (!person) state.name.focus();
  return state.dialog;
}

function sourceChoice(state, [files, camera]) {
  const radio = (value, words) => {
    const input = el("input", { type: "radio", name: "from", value, checked: value === "files" });
    input.addEventListener("change", () => {
      state.from = value;
      files.hidden = value !== "files";
      camera.hidden = value === "files";
      state.look(value === "camera");
    });
    return el("label", {}, input, words);
  };
  return el("fieldset", { class: "choice" }, el("legend", {}, "Pictures from"), radio("files", "files"), radio("camera", "a camera of this box"));
}

// --- from files ---

function filesField(state) {
  const input = el("input", { type: "file", multiple: true, accept: "image/*", id: "enrol-files" });
  const shot = el("input", { type: "file", accept: "image/*", id: "enrol-shot" });
  shot.setAttribute("capture", "user");
  for (const field of [input, shot]) {
    field.addEventListener("change", () => {
      addPictures(state, [...field.files]);
      field.value = "";
    });
  }
  return el("div", { class: "drop stack" },
    el("p", {}, "Three to five pictures of one person, sharp, from the front and slightly from the side."),
    el("div", { class: "bar" },
      el("label", { class: "button file" }, "Choose pictures", input),
      el("label", { class: "button file touch" }, "Take a picture", shot),
      el("span", { class: "muted notouch" }, "or drop them here")),
    state.list);
}

/** Gives `take` the files that are dropped on `form`. */
function acceptDrops(form, take) {
  const over = (event, on) => {
    event.preventDefault();
    form.classList.toggle("dropping", on);
  };
  form.addEventListener("dragover", (event) => over(event, true));
  form.addEventListener("dragleave", (event) => over(event, false));
  form.addEventListener("drop", (event) => {
    over(event, false);
    take([...event.dataTransfer.files]);
  });
}

function addPictures(state, files) {
  for (const file of files) {
    const picture = { id: state.next++, file, url: URL.createObjectURL(file), fault: "" };
    if (state.pictures.length >= MOST_PICTURES) picture.fault = `not taken: ${MOST_PICTURES} pictures are enough.`;
    else if (file.size > LARGEST_FILE) picture.fault = `too large (${mebibytes(file.size)}); choose a file of at most ${mebibytes(LARGEST_FILE)}.`;
    state.pictures.push(picture);
  }
  showPictures(state);
}

function showPictures(state) {
  sync(state.list, state.pictures, (picture) => picture.id, (picture) => makePicture(state, picture), (row, picture) => {
    setText(row.fault, picture.fault);
    row.classList.toggle("refused", picture.fault !== "");
  });
}

function makePicture(state, picture) {
  const img = el("img", { src: picture.url, alt: "" });
  img.addEventListener("error", () => img.classList.add("broken"));
  const remove = el("button", { class: "quiet icon", type: "button", "aria-label": `Take ${picture.file.name} out` }, icon("close"));
  remove.addEventListener("click", () => {
    URL.revokeObjectURL(picture.url);
    state.pictures = state.pictures.filter((other) => other !== picture);
    showPictures(state);
  });
  const fault = el("span", { class: "fault" });
  return Object.assign(el("li", {}, img, el("span", { class: "words" }, el("span", {}, picture.file.name), fault), remove), { fault });
}

function forgetPictures(state) {
  state.pictures.forEach((picture) => URL.revokeObjectURL(picture.url));
  if (state.look) state.look(false);
}

/** The file as the box takes it: JPEG or PNG of a bearable size. What this browser cannot read goes as it is: the box
 *  says what is wrong with it. */
async function packPicture(file) {
  const plain = /^image\/(jpeg|png)$/.test(file.type);
  if (plain && file.size <= SMALL_ENOUGH) return encode(file);
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    return encode(file);
  }
  const scale = Math.min(1, LARGEST_SIDE / Math.max(bitmap.width, bitmap.height));
  const canvas = el("canvas", { width: Math.round(bitmap.width * scale), height: Math.round(bitmap.height * scale) });
  canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return encode(await new Promise((give) => canvas.toBlob(give, "image/jpeg", 0.92)));
}

function encode(blob) {
  return new Promise((give, fail) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => give(reader.result.slice(reader.result.indexOf(",") + 1)));
    reader.addEventListener("error", () => fail(new ApiError("unreadable", "the browser cannot read the file", "choose it again")));
    reader.readAsDataURL(blob);
  });
}

// --- from a camera ---

function cameraField(state, cameras) {
  const select = el("select", {}, ...cameras.map((camera) => new Option(camera.name, camera.name)));
  const img = el("img", { alt: "Live picture of the chosen camera" });
  state.look = (on) => {
    if (on) img.src = liveUrl(select.value);
    else img.removeAttribute("src");
  };
  select.addEventListener("change", () => state.look(true));
  state.camera = select;
  return el("div", { class: "stack", hidden: true },
    el("label", {}, "Camera ", select), el("div", { class: "frame" }, img),
    el("p", { class: "muted" }, "One person in front of it, looking at it. The newest frame is taken."));
}

// --- sending ---

async function sendEnrolment(state, person, asNew) {
  state.message.replaceChildren();
  const body = await enrolBody(state);
  if (!body) return;
  if (!person) Object.assign(body.fields, { name: state.name.value, ...(asNew && { as_new: true }) });
  const path = person ? `/people/${part(person.id)}/pictures` : "/people";
  try {
    enrolled(state, body.sent, await post(path, body.fields, { patience: LONG_MS }), person);
  } catch (error) {
    notEnrolled(state, body.sent, error, person);
  }
}

async function enrolBody(state) {
  if (state.from === "camera") return { sent: [], fields: { camera: state.camera.value } };
  const sent = state.pictures.filter((picture) => !picture.fault);
  if (!sent.length) {
    sayIn(state.message, "warn", "Choose at least one picture that was not refused.");
    return null;
  }
  return { sent, fields: { pictures: await Promise.all(sent.map((picture) => packPicture(picture.file))) } };
}

function enrolled(state, sent, answer, person) {
  const result = answer || {};
  const name = result.name || (person ? person.name : state.name.value);
  const rejected = result.rejected || [];
  markRejected(state, sent, rejected);
  const taken = (result.samples || []).length || sent.length - rejected.length || 1;
  state.done(result.person);
  if (!rejected.length) {
    state.dialog.close();
    tell(person ? `${parts(taken, "picture")} of ${name} added.` : `${name} is enrolled with ${parts(taken, "picture")}.`);
    return;
  }
  // The person exists now: better pictures are added there.
  state.person = person || { id: result.person, name };
  state.name.closest("label")?.remove();
  setText(state.send, "Add more pictures");
  state.pictures = state.pictures.filter((picture) => picture.fault);
  showPictures(state);
  sayIn(state.message, "warn", `${name} is enrolled with ${parts(taken, "picture")}; ${parts(rejected.length, "picture was", "pictures were")} refused, see above.`);
}

function notEnrolled(state, sent, error, person) {
  const details = error.details || {};
  markRejected(state, sent, details.rejected || []);
  if (error.code === "already_enrolled" && details.person !== undefined) return offerMerge(state, details);
  if (error.code === "login_needed") return state.dialog.close();
  sayIn(state.message, "bad", sentence(error));
}

function markRejected(state, sent, rejected) {
  for (const { index, reason, remedy } of rejected) {
    if (sent[index]) sent[index].fault = sentence({ message: reason, remedy });
  }
  showPictures(state);
}

/** The pictures look like somebody who is enrolled: they are offered to that person. */
function offerMerge(state, known) {
  const add = el("button", { class: "primary", type: "button" }, `Add the pictures to ${known.name}`);
  add.addEventListener("click", () => busy(add, () => sendEnrolment(state, { id: known.person, name: known.name }, false)));
  const other = el("button", { type: "button" }, "No, this is somebody else");
  other.addEventListener("click", () => busy(other, () => sendEnrolment(state, null, true)));
  const likeness = known.similarity ? ` (similarity ${figure(known.similarity)})` : "";
  state.message.replaceChildren(el("div", { class: "note warn stack" },
    el("p", {}, `This face is enrolled already, as ${known.name}${likeness}.`), el("div", { class: "bar" }, add, other)));
  add.focus();
}

function sayIn(node, kind, words) {
  node.replaceChildren(el("p", { class: `note ${kind}` }, icon("warn"), el("span", {}, words)));
}
