// Figures and times as people read them.

const pad = (number) => String(number).padStart(2, "0");
const parts = (count, word, many = `${word}s`) => `${count} ${count === 1 ? word : many}`;

/** The wall clock of a time, in `zone` where the box names one (attendance), else the viewer's own. */
function clock(time, zone, seconds = true) {
  const options = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...(seconds && { second: "2-digit" }) };
  try {
    return new Date(time).toLocaleTimeString([], { ...options, timeZone: zone || undefined });
  } catch {
    return new Date(time).toLocaleTimeString([], options); // A zone that this browser does not know.
  }
}

const isToday = (time) => new Date(time).toDateString() === new Date().toDateString();
const dayAndClock = (time) =>
  (isToday(time) ? "" : `${new Date(time).toLocaleDateString([], { day: "numeric", month: "short", year: "numeric" })} `) + clock(time);
const dayInWords = (time) => new Date(time).toLocaleDateString([], { day: "numeric", month: "long", year: "numeric" });
const dayOf = (date) => `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;

function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const [days, hours, minutes] = [Math.floor(whole / 86400), Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60];
  if (days) return `${days} d ${hours} h`;
  if (hours) return `${hours} h ${pad(minutes)} min`;
  return minutes ? `${minutes} min` : `${whole} s`;
}

function micros(value) {
  if (value >= 1e6) return `${(value / 1e6).toFixed(1)} s`;
  return value >= 1000 ? `${(value / 1000).toFixed(value < 10000 ? 1 : 0)} ms` : `${Math.round(value)} µs`;
}

const mebibytes = (bytes) => `${(bytes / 1048576).toFixed(0)} MiB`;
const percent = (share) => `${Math.round(share * 100)} %`;

/** A figure without digits that nobody reads. */
function figure(value) {
  if (value === undefined || value === null) return "";
  return Number.isInteger(value) ? String(value) : Number(value.toPrecision(3)).toString();
}

const STATE_KIND = { online: "good", running: "good", ok: "good", ready: "good", frozen: "warn", starting: "warn", backoff: "warn", degraded: "warn" };
const kindOf = (state) => STATE_KIND[state] || (["offline", "failed", "ng", "error", "over"].includes(state) ? "bad" : "plain");

const VERDICT = {
  ok: ["good", "OK"],
  ng: ["bad", "NG"],
  error: ["warn", "Error"],
  missed: ["warn", "Missed"],
  overrun: ["warn", "Overrun"],
};
const verdictBadge = (verdict) => badge(...(VERDICT[verdict] || ["plain", verdict]));
