// Where everything begins: session, views by the address's hash, colours, and what happens when nobody looks.

const VIEWS = { live: null, people: loadPeople, attendance: loadAttendance, inspections: loadInspections, recordings: loadRecordings, batch: loadBatch, jobs: loadJobs, commands: loadCommands, curves: loadCurves, box: loadBox };
const REFRESH_MS = 15000; // For what no event tells: units.

const route = { view: "", wanted: false };

// --- session ---

async function loadSession() {
  useSession(await askFirst("/session"));
  if (session.login_required && !session.user) loginNeeded();
}

function useSession(answer) {
  Object.assign(session, { user: answer.user || null, login_required: !!answer.login_required, csrf: answer.csrf || "", known: true });
  byId("user").hidden = !session.user || !session.login_required;
  setText(byId("user-name"), session.user ? `${session.user.name} (${session.user.role})` : "");
  for (const node of document.querySelectorAll("[data-role]")) node.hidden = !may(node.dataset.role);
  showEnrol();
}

function loginNeeded() {
  session.user = null;
  useSession(session);
  closeStream();
  document.querySelectorAll("dialog").forEach((dialog) => dialog.close());
  showLink("plain", "Not logged in");
  showView("login");
  byId("login-name").focus();
  throw new ApiError("login_needed", "log in first", "");
}

async function login(event) {
  event.preventDefault();
  const fault = byId("login-error");
  fault.hidden = true;
  try {
    const body = { name: byId("login-name").value, password: byId("login-password").value };
    session.known = false; // A wrong password is answered 401 too.
    useSession(await post("/session", body));
    if (!session.user) useSession(await ask("/session"));
    byId("login-password").value = "";
    showRoute();
    await begin();
  } catch (error) {
    setText(fault, error.code === "login_needed" ? "Name or password is wrong. Try again." : sentence(error));
    fault.hidden = false;
    byId("login-password").select();
  }
}

async function logout() {
  await ask("/session", { method: "DELETE" });
  location.reload();
}

// --- views ---

function showView(name) {
  route.view = name;
  for (const section of document.querySelectorAll(".view")) section.hidden = section.id !== `view-${name}`;
  for (const tab of document.querySelectorAll("#tabs a")) {
    if (tab.hash === `#${name}`) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  }
  document.body.dataset.view = name;
  showCurrentTab();
  say("looking");
}

/** On a telephone there may be more tabs than are seen at once. */
function showCurrentTab() {
  const tab = document.querySelector("#tabs a[aria-current]");
  if (tab) tab.scrollIntoView({ block: "nearest", inline: "nearest" });
}

function showRoute() {
  const name = location.hash.slice(1);
  showView(name in VIEWS ? name : "live");
  loadView();
}

function loadView() {
  const load = VIEWS[route.view];
  if (load && session.known) load().catch(complain);
}

// --- colours: those of the system, or the ones chosen here ---

function useTheme(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  const dark = theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  byId("theme").dataset.next = dark ? "light" : "dark";
  byId("theme").setAttribute("aria-label", dark ? "Light colours" : "Dark colours");
  byId("theme").title = dark ? "Light colours" : "Dark colours";
}

function stored(key, value) {
  try {
    if (value !== undefined) localStorage.setItem(key, value);
    return localStorage.getItem(key);
  } catch {
    return null; // A browser that keeps nothing: the system's colours then.
  }
}

// --- start ---

/** Nobody looks: no stream stays open. Back again: what happened meanwhile is read. */
function lookAgain() {
  say("looking");
  if (document.hidden) return closeStream();
  if (session.known && route.view !== "login") begin().catch(complain);
}

/** Everything that one who is let in sees. The cameras first: their pictures are on their way at once. */
async function begin(cameras = loadCameras()) {
  openStream();
  await cameras;
  const others = await Promise.allSettled([loadStatus(), loadAlarms(), ask("/telemetry").then((answer) => answer && answer.now && takeTelemetry(answer.now))]);
  others.filter((other) => other.status === "rejected").forEach((other) => complain(other.reason));
  say("cameras");
  loadView();
}

async function start() {
  for (const prepare of [startBox, startLive, startFeed, startPeople, startAttendance, startInspections, startRecordings, startBatch, startJobs, startCommands, startCurves]) prepare();
  hear("reconnected", () => begin().catch(complain));
  useTheme(stored("theme"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => useTheme(stored("theme")));
  byId("theme").addEventListener("click", () => useTheme(stored("theme", byId("theme").dataset.next) || byId("theme").dataset.next));
  byId("login").addEventListener("submit", login);
  byId("logout").addEventListener("click", (event) => busy(event.currentTarget, logout));
  byId("skip").addEventListener("click", (event) => {
    event.preventDefault(); // The hash names the view.
    byId("main").focus();
  });
  window.addEventListener("hashchange", () => session.known && route.view !== "login" && (showRoute(), byId("main").focus({ preventScroll: true }), scrollTo(0, 0)));
  document.addEventListener("visibilitychange", lookAgain);
  setInterval(watchStream, 5000);
  setInterval(() => route.view === "box" && !document.hidden && stream.on && loadBox().catch(complain), REFRESH_MS);
  showLink("warn", "Connecting");
  await firstLook();
}

/** Session and cameras at the same time: the picture does not wait for a second answer. */
async function firstLook() {
  showRoute();
  const cameras = loadCameras();
  cameras.catch(() => {}); // The session says why, in words.
  try {
    await loadSession();
    await begin(cameras);
  } catch (error) {
    if (error.code === "login_needed") return;
    complain(error);
    showLink("bad", "No connection, trying again");
    setTimeout(firstLook, 3000);
  }
}

start();
