"use strict";
// Small tools for the views. Whatever comes from the box goes into the document as text nodes and properties,
// never as markup: a name may hold anything.

const SVG = "http://www.w3.org/2000/svg";

const byId = (id) => document.getElementById(id);

/** An element: `props` are properties, `on…` listeners, `data-…`/`aria-…`/`role` attributes; children are nodes or text. */
function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) setProp(node, key, value);
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

function setProp(node, key, value) {
  if (value === undefined || value === null) return;
  if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
  else if (key === "class") node.className = value;
  else if (key.includes("-") || key === "role" || key === "for" || key === "scope") node.setAttribute(key, value);
  else node[key] = value;
}

function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

const icon = (name) => svg("svg", { "aria-hidden": "true", class: "i" }, svg("use", { href: `#i-${name}` }));

/** Writes only what differs: a screen reader repeats, and a selection is lost, when the same words are set again. */
function setText(node, words) {
  if (node.textContent !== words) node.textContent = words;
}

/** Makes `parent` hold one child for each item, in order. A child stays itself while its key stays: focus is kept. */
function sync(parent, items, key, make, update = () => {}) {
  const old = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let at = parent.firstElementChild;
  for (const item of items) {
    const name = String(key(item));
    let child = old.get(name);
    old.delete(name);
    if (!child) {
      child = make(item);
      child.dataset.key = name;
    }
    update(child, item);
    if (child === at) at = at.nextElementSibling;
    else parent.insertBefore(child, at);
  }
  old.forEach((child) => child.remove());
}

/** The options of a select, the first one (`all`) kept, the choice kept where it still exists. */
function setOptions(select, names) {
  const wanted = names.join("\n");
  if (select.dataset.names === wanted) return;
  select.dataset.names = wanted;
  const chosen = select.value;
  while (select.options.length > 1) select.remove(1);
  names.forEach((name) => select.add(new Option(name, name)));
  if (names.includes(chosen)) select.value = chosen;
}

/** A word with a sign in front, so that colour says nothing that the word does not. */
function badge(kind, words) {
  const signs = { good: "good", bad: "bad", warn: "warn" };
  return el("span", { class: `badge ${kind}` }, signs[kind] ? icon(signs[kind]) : null, words);
}

/** Runs `action` with its button disabled and marked as busy; says what went wrong. */
async function busy(button, action) {
  if (button.getAttribute("aria-busy") === "true") return;
  button.setAttribute("aria-busy", "true");
  try {
    await action();
  } catch (error) {
    complain(error);
  } finally {
    button.removeAttribute("aria-busy");
  }
}

// --- messages ---

/** Says something for a while; what went wrong stays until it is closed. */
function tell(words, kind = "good") {
  const close = el("button", { class: "quiet icon", type: "button", "aria-label": "Close this message" }, icon("close"));
  const toast = el("div", { class: `toast ${kind}` }, icon(kind === "good" ? "good" : "warn"), el("p", {}, words), close);
  close.addEventListener("click", () => toast.remove());
  byId("toasts").append(toast);
  while (byId("toasts").children.length > 4) byId("toasts").firstElementChild.remove();
  if (kind === "good") setTimeout(() => toast.remove(), 6000);
}

/** An error in words with its remedy; a lost login shows itself. */
function complain(error) {
  if (error.code === "login_needed") return;
  console.error(error);
  tell(sentence(error), "bad");
}

const sentence = (error) => [error.message, error.remedy].filter(Boolean).map(full).join(" ");

/** A capital in front and a full stop behind. */
function full(words) {
  const text = words.charAt(0).toUpperCase() + words.slice(1);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

// --- dialogs ---

/** A modal dialog: the browser keeps the focus inside, Escape closes it, and focus returns to what opened it. */
function showDialog(title, content, onclose = () => {}) {
  const heading = el("h2", { id: "dialog-title", tabIndex: -1 }, title);
  const close = el("button", { class: "quiet icon", type: "button", "aria-label": "Close" }, icon("close"));
  const dialog = el("dialog", { "aria-labelledby": "dialog-title" }, el("div", { class: "bar" }, heading, close), content);
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => {
    dialog.remove();
    onclose();
  });
  // A click on the backdrop is a click on the dialog itself, outside of its padding box.
  dialog.addEventListener("mousedown", (event) => {
    if (event.target === dialog && outside(dialog, event)) dialog.close();
  });
  document.body.append(dialog);
  dialog.showModal();
  heading.focus();
  return dialog;
}

function outside(node, event) {
  const box = node.getBoundingClientRect();
  return event.clientX < box.left || event.clientX > box.right || event.clientY < box.top || event.clientY > box.bottom;
}
