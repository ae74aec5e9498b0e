// Events as they come, newest first. A screen reader hears at most one sentence in four seconds.

const FEED_MAX = 100;
const SPEAK_EVERY_MS = 4000;

const feed = { items: [], known: new Set(), waiting: [], speaking: 0 };

/** What an event says: kind, sign, words, time, where. `null` for what is no news (an object that is still there). */
function newsOf(message) {
  const topic = message.topic || "";
  if (topic.endsWith("/attendance")) return attendanceNews(message);
  if (topic.endsWith("/inspection")) return inspectionNews(message);
  if (topic.endsWith("/event")) return objectNews(message);
  if (topic.endsWith("/recording")) return recordingNews(message);
  return null;
}

function attendanceNews(message) {
  const verbs = { enter: "came in", seen: "is still here", leave: "left" };
  if (!verbs[message.event]) return null;
  const name = message.name || `person ${message.person}`;
  return { kind: "attendance", sign: message.event === "leave" ? "out" : "in", subject: name, words: `${name} ${verbs[message.event]}` };
}

function inspectionNews(message) {
  const [kind, word] = VERDICT[message.verdict] || ["plain", message.verdict];
  return { kind: "inspection", sign: kind, subject: word, words: `${word}: ${partWords(message)}`, link: "#inspections" };
}

/** What an object did, and the sign for it. An `update` says only that it is still there: no news. */
const OBJECT_NEWS = {
  new: () => ["object", "appeared"],
  end: () => ["object", "is gone"],
  zone_enter: (event) => ["zone", `entered ${event.place}`],
  zone_leave: (event) => ["zone", `left ${event.place}${stayed(event)}`],
  dwell: (event) => ["zone", `has been in ${event.place}${stayed(event, "for")}`],
  line_cross: (event) => ["zone", `crossed ${event.place}${event.direction ? `, ${event.direction.replaceAll("_", " ")}` : ""}`],
};

const stayed = (event, word = "after") => (Number.isFinite(event.dwell_ms) ? ` ${word} ${duration(event.dwell_ms / 1000)}` : "");

function objectNews(message) {
  const news = OBJECT_NEWS[message.event];
  if (!news) return null;
  const [sign, verb] = news(message);
  return { kind: "event", sign, subject: message.label, words: `${message.label} ${message.track} ${verb}` };
}

/** Adds `message` (one event, or several, newest first). An event that came twice is shown once. */
function addNews(list, aloud) {
  const fresh = [];
  for (const message of list) {
    const id = `${message.topic} ${message.seq}`;
    const news = newsOf(message);
    if (!news || feed.known.has(id)) continue;
    feed.known.add(id);
    fresh.push({ ...news, id, camera: message.camera, time: message.time, recording: message.recording });
  }
  if (!fresh.length) return;
  feed.items = [...fresh, ...feed.items].sort((a, b) => (a.time < b.time ? 1 : a.time > b.time ? -1 : 0));
  for (const gone of feed.items.splice(FEED_MAX)) feed.known.delete(gone.id);
  if (aloud) speak(fresh);
  showFeed();
}

function showFeed() {
  const kind = byId("feed-kind").value;
  const shown = feed.items.filter((item) => !kind || item.kind === kind);
  byId("feed-empty").hidden = shown.length > 0;
  sync(byId("feed"), shown, (item) => item.id, makeNews);
}

function makeNews(item) {
  return el("li", { class: `${item.kind} ${item.sign}` },
    icon(item.sign === "plain" ? "object" : item.sign),
    el("span", { class: "words" }, item.words),
    el("span", { class: "muted when" }, el("time", { dateTime: item.time }, dayAndClock(item.time)), item.camera ? ` · ${item.camera}` : ""),
    typeof item.recording === "string" ? recordingButton(item.recording) : null);
}

function speak(fresh) {
  feed.waiting.push(...fresh.map((item) => item.words));
  if (feed.speaking) return;
  feed.speaking = setTimeout(() => {
    const [first, ...more] = feed.waiting.splice(0);
    feed.speaking = 0;
    setText(byId("announcer"), more.length ? `${first}, and ${parts(more.length, "more event", "more events")}` : first);
  }, SPEAK_EVERY_MS);
}

function startFeed() {
  byId("feed-kind").addEventListener("change", showFeed);
  for (const name of ["event", "attendance", "inspection"]) hear(name, (message) => addNews([message], true));
  hear("connected", async () => {
    try {
      addNews((await ask("/events/recent?limit=100")) || [], false);
    } catch (error) {
      complain(error);
    }
  });
  hear("missed", (message) => tell(`${parts(message.count, "event")} came faster than this page could take them.`, "warn"));
}
