// Commands to instruments: values within their limits, the interlock with its reason, what is on and for how long, and the button for all off.

const COMMANDS_MS = 2000; // Readings of an interlock grow old without any event.
const COMMAND_STATE = {
  off: ["plain", "Off"], turning_on: ["warn", "Turning on"], on: ["warn", "On"], turning_off: ["bad", "Turning off, not confirmed"],
};

const instruments = { list: [], read: 0 };

async function loadCommands() {
  const answer = (await ask("/commands")) || { commands: [] };
  Object.assign(instruments, { list: answer.commands, read: Date.now() });
  showCommands();
}

function showCommands() {
  byId("commands-none").hidden = instruments.list.length > 0;
  byId("commands-off").hidden = !may("operator") || !instruments.list.some((command) => command.can_be_off);
  sync(byId("commands-list"), instruments.list, (command) => `${command.command} ${command.parameters.map((one) => one.name).join()}`, makeCommand, updateCommand);
}

function makeCommand(command) {
  const name = command.command;
  const fields = command.parameters.map((parameter) => [parameter, makeField(name, parameter)]);
  const run = el("button", { type: "submit", class: "primary", "aria-label": `Run ${name}` }, "Run");
  const off = el("button", { type: "button", class: "danger", "aria-label": `Turn ${name} off` }, "Off");
  const form = el("form", { class: "bar" }, ...fields.map(([parameter, input]) =>
    el("label", { class: "inline" }, el("span", {}, limits(parameter)), input)), run, off);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    busy(run, async () => {
      const values = Object.fromEntries(fields.filter(([, input]) => input.value !== "").map(([parameter, input]) =>
        [parameter.name, parameter.min === null ? input.value : Number(input.value)]));
      await post(`/commands/${part(name)}`, { values }, { patience: 65000 }).finally(loadCommands);
      tell(`${name} was confirmed.`);
    });
  });
  off.addEventListener("click", () => busy(off, () => turnOff(`/commands/${part(name)}/off`)));
  const row = el("li", { class: "card stack" }, el("div", { class: "bar" }, el("h2", {}, name), el("span"), el("span", { class: "muted" })),
    el("p", { class: "muted" }, command.description), el("ul", { class: "reasons" }), form);
  return Object.assign(row, { state: row.firstElementChild.children[1], since: row.firstElementChild.children[2], reasons: row.children[2], run, off, form });
}

function makeField(name, parameter) {
  const label = `${parameter.name} of ${name}`;
  if (parameter.choices.length) {
    return el("select", { "aria-label": label }, ...parameter.choices.map((choice) =>
      el("option", { value: choice, selected: choice === parameter.default }, choice)));
  }
  const value = parameter.default === null ? {} : { value: parameter.default };
  if (parameter.min === null) return el("input", { "aria-label": label, maxLength: parameter.max_length, ...value });
  return el("input", { type: "number", "aria-label": label, min: String(parameter.min), max: String(parameter.max), step: parameter.whole ? "1" : "any", required: true, ...value });
}

function limits(parameter) {
  if (parameter.min === null) return parameter.name;
  return `${parameter.name} (${parameter.min} to ${parameter.max}${parameter.unit ? ` ${parameter.unit}` : ""})`;
}

function updateCommand(row, command) {
  const ready = command.state === "off" && !command.can_be_off;
  const words = ready ? ["plain", "Ready"] : COMMAND_STATE[command.state] || ["plain", command.state];
  if (row.dataset.state !== words[1]) row.state.replaceChildren(badge(...words));
  row.dataset.state = words[1];
  const values = Object.entries(command.values).map(([name, value]) => `${name} = ${value}`).join(", ");
  setText(row.since, [values, command.by && `by ${command.by}`, countdown(command)].filter(Boolean).join(", "));
  const open = command.interlock.filter((condition) => !condition.holds).map((condition) => `Locked: ${condition.reason}`);
  const held = command.interlock.filter((condition) => condition.holds).map((condition) =>
    `${condition.condition} holds: ${figure(condition.value)}, ${micros(condition.age_ms * 1000)} old`);
  const lines = [command.fault, ...open, ...held].filter(Boolean);
  row.reasons.replaceChildren(...lines.map((line) => el("li", {}, line)));
  row.run.disabled = open.length > 0 || command.state === "turning_off";
  row.run.hidden = !may(command.role);
  row.off.hidden = !command.can_be_off || !may(command.role === "viewer" ? "viewer" : "operator");
}

/** Time until the output is turned off, from the last answer on. */
function countdown(command) {
  if (command.off_in_ms === null) return "";
  const left = Math.max(0, command.off_in_ms - (Date.now() - instruments.read));
  return `off in ${duration(Math.ceil(left / 1000))}`;
}

async function turnOff(path) {
  const answer = await post(path, {}, { patience: 65000 }).finally(loadCommands);
  tell(answer.off.length ? `Confirmed to be off: ${answer.off.join(", ")}.` : "There is nothing that can be turned off.");
}

/** The countdown moves each second; the readings are asked for less often. */
function tickCommands() {
  if (route.view !== "commands" || document.hidden) return;
  if (Date.now() - instruments.read >= COMMANDS_MS) loadCommands().catch(complain);
  else showCommands();
}

function startCommands() {
  const off = byId("commands-off");
  off.addEventListener("click", () => busy(off, () => turnOff("/commands/off")));
  hear("command", () => route.view === "commands" && loadCommands().catch(complain));
  setInterval(tickCommands, 1000);
}
