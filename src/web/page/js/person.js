// One person: pictures, name, merge, and erasure with its proof.

function personDialog(id) {
  const content = el("div", { class: "stack" });
  const find = () => people.list.find((person) => person.id === id);
  const dialog = showDialog(find().name, content);
  const show = () => {
    const person = find();
    if (!person) return dialog.close();
    setText(dialog.querySelector("h2"), person.name);
    content.replaceChildren(...personParts(person, dialog, again));
  };
  const again = async () => {
    await loadPeople();
    if (dialog.open) show();
  };
  show();
}

function personParts(person, dialog, again) {
  const facts = el("p", { class: "muted" }, `Enrolled on ${dayInWords(person.created)} as number ${person.id}.`);
  const all = [facts, samplesOf(person, again)];
  if (may("operator")) all.push(addMore(person, dialog, again), renameForm(person, again), mergeForm(person, dialog));
  if (may("admin")) all.push(eraseForm(person, dialog));
  return all.filter(Boolean);
}

function samplesOf(person, again) {
  const list = el("ul", { class: "samples", "aria-label": "Kept pictures" });
  (person.samples || []).forEach((sample, index) => {
    const words = [sample.quality !== undefined && sample.quality !== null ? `quality ${figure(sample.quality)}` : "",
      sample.stale ? "to enrol again" : ""].filter(Boolean).join(", ");
    const remove = el("button", { class: "quiet", type: "button", "aria-label": `Remove picture ${index + 1}` }, "Remove");
    remove.addEventListener("click", () => busy(remove, async () => {
      await ask(`/people/${part(person.id)}/pictures/${part(sample.id)}`, { method: "DELETE" });
      await again();
    }));
    const img = el("img", { src: cropUrl(person, sample), alt: `Picture ${index + 1} of ${person.name}`, width: 96, height: 96 });
    list.append(el("li", {}, img, el("span", { class: "muted" }, words), may("operator") && person.samples.length > 1 ? remove : null));
  });
  return list;
}

function addMore(person, dialog, again) {
  const add = el("button", { type: "button" }, "Add pictures");
  add.addEventListener("click", () => enrolDialog(person, () => again().catch(complain)));
  return el("div", { class: "bar" }, add);
}

function renameForm(person, again) {
  const name = el("input", { value: person.name, maxLength: 80, required: true, autocomplete: "off" });
  const save = el("button", { type: "submit" }, "Rename");
  return formOf([el("label", { class: "grow" }, "Name ", name), save], save, async () => {
    await ask(`/people/${part(person.id)}`, { method: "PATCH", body: { name: name.value } });
    tell(`${person.name} is called ${name.value} from now on.`);
    await again();
  });
}

function mergeForm(person, dialog) {
  const others = people.list.filter((other) => other.id !== person.id);
  if (!others.length) return null;
  const into = el("select", { required: true }, new Option("choose", ""), ...others.map((other) => new Option(`${other.name} (${other.id})`, other.id)));
  const merge = el("button", { type: "submit" }, "Merge");
  return formOf([el("label", { class: "grow" }, "The same person as ", into), merge], merge, async () => {
    const known = others.find((other) => String(other.id) === into.value);
    await post(`/people/${part(person.id)}/merge`, { into: known.id });
    dialog.close();
    tell(`${person.name} and ${known.name} are one person now, called ${known.name}.`);
    await loadPeople();
  });
}

/** Erasure asks for the name: it takes the pictures and the person's events with it, and cannot be taken back. */
function eraseForm(person, dialog) {
  const typed = el("input", { autocomplete: "off", required: true });
  const erase = el("button", { type: "submit", class: "danger", disabled: true }, "Erase for ever");
  typed.addEventListener("input", () => (erase.disabled = typed.value.trim() !== person.name.trim()));
  const form = formOf([el("label", { class: "grow" }, `Type “${person.name}” to erase `, typed), erase], erase, async () => {
    const answer = await ask(`/people/${part(person.id)}`, { method: "DELETE", patience: LONG_MS });
    dialog.close();
    showProof(person, answer || {});
    await loadPeople();
  });
  return el("details", { class: "erase" }, el("summary", {}, "Erase this person"),
    el("p", {}, "Every kept picture, every embedding and every event of this person is deleted from the box. This cannot be undone."), form);
}

function showProof(person, answer) {
  const rows = Object.entries(answer.erased || answer).filter(([, value]) => typeof value !== "object");
  showDialog(`${person.name} was erased`, el("div", { class: "stack" },
    el("p", {}, "Deleted from the box:"),
    el("dl", { class: "proof" }, ...rows.flatMap(([what, count]) => [el("dt", {}, full(what).slice(0, -1)), el("dd", {}, String(count))]))));
}

function formOf(children, button, action) {
  const form = el("form", { class: "bar line" }, ...children);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    busy(button, action);
  });
  return form;
}
