// Studio jobs: the queue, newest first. The jobs of one request stand together, and each shows how far it is.

const JOBS_PAGE = 100;
const JOBS_KEPT = 1000; // Jobs in the memory of this page; the box keeps as many by default.
const QUEUE_MS = 1000; // While jobs change, the figures of the queue are asked for at most so often.
const ETA_FROM = { share: 0.1, seconds: 3 }; // Before that an estimate would be a guess.

/** `next` is where the following page begins: `null` where there is none, `undefined` before the first answer. */
const jobs = { list: new Map(), next: undefined, followed: new Set(), health: null, timer: 0, refresh: 0, drawn: 0, open: null };

const JOB_STATE = {
  pending: ["plain", "Waiting"], running: ["plain", "Running"], completed: ["good", "Completed"], failed: ["bad", "Failed"],
  cancelled: ["plain", "Cancelled"], quarantined: ["warn", "Set aside"],
};
const JOB_WORK = { upscale: "Enlarge", variations: "Backgrounds", report: "Table", batch: "Microscopy run" };

const isOpenJob = (job) => job.state === "pending" || job.state === "running";
const isRetryable = (job) => ["failed", "cancelled", "quarantined"].includes(job.state);
const jobWork = (job) => JOB_WORK[job.kind] || full(job.kind).slice(0, -1);

async function loadJobs() {
  try {
    await Promise.all([takeJobs(null, true), loadQueue()]);
    setText(byId("jobs-fault"), "");
  } catch (error) {
    if (error.code !== "not_here") throw error;
    setText(byId("jobs-fault"), sentence(error)); // The tab is hidden then; somebody came by the address.
  }
}

/**
 * The first page of jobs, or the one after what is shown. What an event said meanwhile is newer than the answer. `isAgain` reads
 * the first page once more: the pages that "Show more" has added stay, where nothing is missing between them and the first.
 */
async function takeJobs(before, isAgain = false) {
  const state = byId("jobs-state").value;
  const query = new URLSearchParams({ limit: JOBS_PAGE, ...(state && { state }), ...(before && { before }) });
  const asked = performance.now();
  const answer = await ask(`/jobs?${query}`);
  // Somebody may have chosen another state meanwhile.
  if (state !== byId("jobs-state").value || (before && before !== jobs.next)) return;
  const isNewer = (id) => jobs.list.get(id)?.heard > asked;
  const isJoined = isAgain && jobs.next !== undefined && answer.next !== null && jobs.list.has(answer.next);
  const last = isJoined ? answer.next : 0; // The answer has all jobs from this number on.
  if (!before && !isJoined) jobs.followed.clear();
  if (!before) [...jobs.list.keys()].filter((id) => id >= last && !isNewer(id)).forEach((id) => jobs.list.delete(id));
  for (const job of answer.jobs) if (!isNewer(job.id)) jobs.list.set(job.id, job);
  if (!isJoined || [...jobs.list.keys()].every((id) => id >= last)) jobs.next = answer.next;
  showJobs();
}

/** Reads again what no event has brought. Nobody asked for it: a fault shows in the sign of the connection, and it is read again soon. */
function refreshJobs() {
  if (route.view !== "jobs" || document.hidden || !session.known || box.features.jobs === false) return;
  Promise.all([takeJobs(null, true), loadQueue()]).catch((error) => console.warn(error));
}

/** Events may be missed many times in a second; the list is read once for all of them. */
function refreshJobsSoon() {
  if (jobs.refresh) return;
  jobs.refresh = setTimeout(() => {
    jobs.refresh = 0;
    refreshJobs();
  }, QUEUE_MS);
}

/** The page of the list may end within a workflow: its other jobs are read once, so that its figures are those of all. */
async function completeWorkflow(group) {
  if (!group.isWorkflow || jobs.list.has(group.id) || jobs.followed.has(group.id)) return;
  jobs.followed.add(group.id);
  const asked = performance.now();
  const answer = await ask(`/workflows/${group.id}`);
  for (const job of answer.jobs) if (!(jobs.list.get(job.id)?.heard > asked)) jobs.list.set(job.id, job);
  drawJobsSoon();
}

async function loadQueue() {
  jobs.health = await ask("/status/queue/health");
  showQueue();
}

/** The queue's own figures have no event: they are asked for when jobs change. */
function loadQueueSoon() {
  if (jobs.timer || route.view !== "jobs") return;
  jobs.timer = setTimeout(() => {
    jobs.timer = 0;
    if (route.view === "jobs" && stream.on) loadQueue().catch((error) => console.warn(error));
  }, QUEUE_MS);
}

function showQueue() {
  const { healthy, problems, queue } = jobs.health;
  byId("jobs-health").replaceChildren(healthy ? badge("good", "Healthy") : badge("warn", parts(problems.length, "problem")));
  byId("jobs-problems").hidden = healthy;
  sync(byId("jobs-problems"), problems, (problem) => problem, (problem) => el("li", {}, ...withCode(full(problem))));
  const figures = [["waiting", `${queue.queue_size} of ${queue.max_queue_size}`], ["running", `${queue.running_tasks} of ${queue.max_workers}`],
    ["completed", queue.completed_tasks], ["failed", queue.failed_tasks]];
  if (queue.quarantined_tasks) figures.push(["set aside", queue.quarantined_tasks]);
  if (queue.oldest_age_ms >= 1000) figures.push(["longest wait", duration(queue.oldest_age_ms / 1000)]);
  showFigures(byId("jobs-figures"), figures);
  const focused = document.activeElement;
  byId("jobs-pause").hidden = !queue.is_running;
  byId("jobs-drain").hidden = queue.is_draining;
  byId("jobs-resume").hidden = queue.is_running && !queue.is_draining;
  const buttons = ["jobs-resume", "jobs-pause", "jobs-drain"].map(byId);
  passFocus(focused, buttons, buttons.find((button) => !button.hidden));
}

/** Where `focused` is one of `buttons` and is hidden now, `next` gets the focus: a keyboard goes on from there. */
function passFocus(focused, buttons, next) {
  if (buttons.includes(focused) && focused.hidden && next) next.focus({ preventScroll: true });
}

/** Words between backticks are set as code. */
const withCode = (words) => words.split("`").map((piece, at) => (at % 2 ? el("code", {}, piece) : piece));

function takeJob(job) {
  const known = jobs.list.get(job.id);
  jobs.list.set(job.id, { ...job, heard: performance.now() });
  if (jobs.list.size > JOBS_KEPT) dropOldJobs();
  if (route.view !== "jobs") return;
  if (known && isOpenJob(known) && !isOpenJob(job)) speak([{ words: `Job ${job.id}, ${job.name}: ${JOB_STATE[job.state][1]}` }]);
  if (!known || known.state !== job.state) loadQueueSoon();
  drawJobsSoon();
}

function dropOldJobs() {
  const ids = [...jobs.list.keys()].sort((one, next) => next - one);
  ids.slice(JOBS_KEPT).forEach((id) => jobs.list.delete(id));
  jobs.next = ids[JOBS_KEPT - 1];
}

/** Many jobs may change at once: they are drawn together. */
function drawJobsSoon() {
  if (jobs.drawn) return;
  jobs.drawn = requestAnimationFrame(() => {
    jobs.drawn = 0;
    if (route.view === "jobs") showJobs();
  });
}

/** The jobs by request, newest first: `all` of each in the order in which they run, and `jobs`, those in the chosen state. */
function jobGroups() {
  const state = byId("jobs-state").value;
  const groups = new Map();
  for (const job of [...jobs.list.values()].sort((one, next) => next.id - one.id)) {
    const key = job.workflow === null ? `job ${job.id}` : `workflow ${job.workflow}`;
    if (!groups.has(key)) groups.set(key, { key, id: job.workflow ?? job.id, isWorkflow: job.workflow !== null, all: [], jobs: [] });
    groups.get(key).all.unshift(job);
    if (!state || job.state === state) groups.get(key).jobs.unshift(job);
  }
  return [...groups.values()].filter((group) => group.jobs.length);
}

function showJobs() {
  const groups = jobGroups();
  sync(byId("jobs-list"), groups, (group) => group.key, makeJobGroup, updateJobGroup);
  byId("jobs-none").hidden = byId("jobs-list").children.length > 0;
  setText(byId("jobs-none"), byId("jobs-state").value ? "No job is in this state." : "No job was added yet.");
  byId("jobs-more").hidden = !jobs.next;
  if (!byId("jobs-state").value) groups.forEach((group) => completeWorkflow(group).catch((error) => console.warn(error)));
  if (jobs.open && jobs.list.has(jobs.open.id)) showOpenJob(jobs.list.get(jobs.open.id));
}

function makeJobGroup(group) {
  const button = (words, name, kind, action) => {
    const node = el("button", { type: "button", class: kind, "aria-label": name }, words);
    node.addEventListener("click", () => busy(node, action));
    return node;
  };
  const [heading, about] = [el("h2"), el("span", { class: "muted" })];
  const buttons = {
    cancel: button("Cancel all", `Cancel all of ${group.key}`, "", () => changeJobs(`/workflows/${group.id}/cancel`)),
    retry: button("Try again", `Try what failed of ${group.key} again`, "", () => retryJobs(row.all.filter(isRetryable))),
  };
  const zip = el("a", { class: "button", "aria-label": `Download all files of ${group.key} as ZIP`, download: "" }, "ZIP");
  const bar = el("progress", { max: 1, "aria-label": `Progress of ${group.key}` });
  const list = el("ul", { class: "jobs", "aria-label": `Jobs of ${group.key}` });
  const row = el("li", { class: "card stack" }, el("div", { class: "bar" }, heading, about, el("div", { class: "group" }, zip, ...Object.values(buttons))), bar, list);
  return Object.assign(row, { heading, about, buttons, zip, bar, list });
}

function updateJobGroup(row, group) {
  const { all } = group;
  row.all = all;
  const names = [...new Set(all.filter((job) => job.kind !== "report" || all.length === 1).map((job) => job.name))];
  setText(row.heading, names.slice(0, 3).join(", ") + (names.length > 3 ? ` and ${names.length - 3} more` : ""));
  // Of a workflow in which a state is chosen only those jobs are known that were in it.
  const isPart = byId("jobs-state").value !== "";
  const count = isPart ? `${group.jobs.length} of its jobs` : parts(all.length, "job");
  const what = group.isWorkflow ? `workflow ${group.id}, ${count}` : `job ${group.id}`;
  setText(row.about, `${what} · ${dayAndClock(all[0].created)}`);
  const isOpen = all.some(isOpenJob);
  const several = group.isWorkflow && all.length > 1 && !isPart;
  const focused = document.activeElement;
  row.buttons.cancel.hidden = !(several && isOpen && may("operator"));
  row.buttons.retry.hidden = !(several && all.filter(isRetryable).length > 1 && may("operator"));
  row.zip.hidden = !all.some((job) => jobFiles(job).length);
  row.zip.href = zipUrl(group);
  row.bar.hidden = !(several && isOpen);
  row.bar.value = all.reduce((sum, job) => sum + (isOpenJob(job) ? job.progress : 1), 0) / all.length;
  sync(row.list, group.jobs, (job) => job.id, makeJob, (line, job) => updateJob(line, job, group.isWorkflow, names.length > 1 && job.kind !== "report"));
  passFocus(focused, Object.values(row.buttons), row.list.querySelector("button"));
}

const zipUrl = (group) => (group.isWorkflow ? `${API}/workflows/${group.id}/zip` : `${API}/jobs/${group.id}/zip`);

function makeJob(job) {
  const button = (words, name, action) => {
    const node = el("button", { type: "button", "aria-label": name }, words);
    node.addEventListener("click", () => busy(node, action));
    return node;
  };
  const show = button("Show", `Show job ${job.id}`, () => jobDialog(jobs.list.get(job.id)));
  const cancel = button("Cancel", `Cancel job ${job.id}`, () => actOnJob(job, "cancel"));
  const retry = button("Try again", `Try job ${job.id} again`, () => actOnJob(job, "retry"));
  const [state, heading, words, fault] = [el("span", { class: "state" }), el("strong"), el("span", { class: "muted" }), el("p", { class: "fault" })];
  const bar = el("progress", { max: 1, "aria-label": `Progress of job ${job.id}` });
  const line = el("li", {}, state, el("div", { class: "words" }, heading, " ", words, fault), el("div", { class: "group" }, show, cancel, retry), bar);
  return Object.assign(line, { state, heading, words, fault, bar, show, cancel, retry });
}

function updateJob(line, job, isNumbered, isNamed) {
  const badgeOf = stateOfJob(job);
  if (line.state.textContent !== badgeOf[1]) line.state.replaceChildren(badge(...badgeOf));
  setText(line.heading, isNamed ? `${jobWork(job)}: ${job.name}` : jobWork(job));
  setText(line.words, [isNumbered && `no. ${job.id}`, jobWords(job)].filter(Boolean).join(" · "));
  setText(line.fault, jobFault(job));
  line.fault.className = job.state === "completed" ? "caution" : "fault";
  line.bar.hidden = job.state !== "running";
  line.bar.value = job.progress;
  const focused = document.activeElement;
  line.cancel.hidden = !(isOpenJob(job) && !job.is_stopping && may("operator"));
  line.retry.hidden = !(isRetryable(job) && may("operator"));
  passFocus(focused, [line.cancel, line.retry], line.show);
}

const stateOfJob = (job) => (job.is_stopping && job.state === "running" ? ["warn", "Stopping"] : JOB_STATE[job.state] || ["plain", job.state]);

/** What it waits for, how far it is, or what it made. */
function jobWords(job) {
  const words = [];
  if (job.state === "pending") words.push(`waits for ${waitWords(job)}`);
  if (job.state === "running") words.push(job.step || "begins", percent(job.progress), timeLeft(job));
  if (isOpenJob(job)) words.push(`priority ${job.priority}`);
  if (isOpenJob(job) && job.tries > 0) words.push(`attempt ${job.tries + 1} of ${job.max_attempts}`);
  if (job.state === "completed") words.push(answerWords(job), micros((job.processing_times.total || 0) * 1e6));
  if (job.cached_from !== null) words.push(`kept from job ${job.cached_from}`);
  return words.filter(Boolean).join(" · ");
}

/** What it waits for. That one of several jobs before it has ended changes nothing of this one, so no event says it. */
function waitWords(job) {
  const before = job.after.map((id) => jobs.list.get(id));
  const open = before.filter((one) => one && isOpenJob(one)).map((one) => one.id);
  if (!open.length || before.includes(undefined)) return plainWait(job.waits_for || "its turn");
  return open.length === 1 ? `job ${open[0]}` : `jobs ${open.join(", ")}`;
}

/** The box's words are those of one moment, in UTC: the seconds of a pause would stand still here. */
function plainWait(words) {
  const [, time] = /^its time, (.+)$/.exec(words) || [];
  if (time) return `its time, ${dayAndClock(time)}`;
  return words.startsWith("the end of a pause") ? "another attempt" : words;
}

/** Why it, or its last attempt, failed; or why the answer is another than was asked for. */
function jobFault(job) {
  if (job.reason && job.state !== "completed") return full(isOpenJob(job) ? `the last attempt failed: ${job.reason}` : job.reason);
  const fell = fallbacks(job);
  return fell.length ? full(`fell back: ${fell.join("; ")}`) : "";
}

/** About how long a job still runs, once enough of it is done. */
function timeLeft(job) {
  const seconds = job.processing_times.total || 0;
  if (job.progress < ETA_FROM.share || seconds < ETA_FROM.seconds) return "";
  return `about ${duration((seconds * (1 - job.progress)) / job.progress)} left`;
}

/** Asks for a change of jobs, and takes them from the answer. An event that came before the answer may be newer than it. */
async function changeJobs(path, body, more) {
  const asked = performance.now();
  const answer = await post(path, body, more);
  for (const job of answer.jobs || [answer]) if (!(jobs.list.get(job.id)?.heard > asked)) takeJob(job);
  return answer;
}

async function actOnJob(job, action) {
  try {
    await changeJobs(`/jobs/${job.id}/${action}`);
  } catch (error) {
    if (error.code === "unknown_job") jobs.list.delete(job.id); // It has left the history.
    showJobs();
    throw error;
  }
}

/** Tries jobs again, but none behind another one that is tried again: with that one the box revives it by itself. */
async function retryJobs(list) {
  const ids = list.map((job) => job.id);
  for (const job of list.filter((one) => !one.after.some((id) => ids.includes(id)))) await actOnJob(job, "retry");
}

function startJobs() {
  byId("jobs-state").addEventListener("change", () => takeJobs(null).catch(complain));
  byId("jobs-more").addEventListener("click", (event) => busy(event.currentTarget, () => takeJobs(jobs.next)));
  for (const action of ["pause", "resume", "drain"]) {
    byId(`jobs-${action}`).addEventListener("click", (event) => busy(event.currentTarget, async () => {
      await post(`/status/queue/${action}`);
      await loadQueue();
    }));
  }
  hear("job", takeJob);
  // What happened before the stream was open, or was too much for it, came as no event.
  hear("connected", refreshJobs);
  hear("missed", refreshJobsSoon);
  // A pause by somebody else changes no job, and one that leaves the history has no event.
  setInterval(() => stream.on && refreshJobs(), REFRESH_MS);
  startJobForm();
}
