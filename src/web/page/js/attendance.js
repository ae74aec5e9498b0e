// The day's table. Days and clocks are those of the box's time zone, whoever looks from wherever.

const attendance = { day: "", zone: "", timer: 0 };

async function loadAttendance() {
  const day = attendance.day ? `?day=${attendance.day}` : "";
  const answer = (await ask(`/attendance${day}`)) || {};
  attendance.zone = answer.time_zone || "";
  attendance.day = answer.day || attendance.day || dayOf(new Date());
  byId("day").value = attendance.day;
  for (const format of ["csv", "xlsx"]) {
    byId(`day-${format}`).href = `${API}/attendance?day=${attendance.day}&format=${format}`;
    byId(`day-${format}`).download = `attendance-${attendance.day}.${format}`;
  }
  showAttendance(answer.rows || []);
}

function showAttendance(rows) {
  sync(byId("day-rows"), rows, (row) => row.person, makeDayRow, updateDayRow);
  byId("day-empty").hidden = rows.length > 0;
  setText(byId("day-empty"), "Nobody was seen on this day.");
  setText(byId("day-zone"), attendance.zone ? `Times of ${attendance.zone}.` : "");
  const here = rows.filter((row) => row.present);
  byId("present").replaceChildren(el("strong", {}, here.length ? `${parts(here.length, "person", "people")} present: ` : "Nobody is present."),
    ...here.map((row) => el("span", { class: "chip good" }, row.name)));
}

function makeDayRow() {
  const row = el("tr", {}, el("th", { scope: "row" }));
  for (const kind of ["", "", "", "", "num", "num"]) row.append(el("td", { class: kind }));
  return row;
}

function updateDayRow(row, answer) {
  const at = (time) => (time ? clock(time, attendance.zone, false) : "");
  const words = [answer.name, null, at(answer.first_in), at(answer.last_seen), at(answer.left), duration(answer.present_s || 0), String(answer.visits ?? "")];
  words.forEach((word, index) => word !== null && setText(row.cells[index], word));
  if (row.dataset.present === String(answer.present)) return;
  row.dataset.present = String(answer.present);
  row.cells[1].replaceChildren(answer.present ? badge("good", "present") : badge("plain", "away"));
}

function chooseDay(day) {
  attendance.day = day;
  loadAttendance().catch(complain);
}

function shiftDay(days) {
  const date = new Date(`${attendance.day || dayOf(new Date())}T12:00:00`);
  date.setDate(date.getDate() + days);
  chooseDay(dayOf(date));
}

function startAttendance() {
  byId("day").addEventListener("change", (event) => event.target.value && chooseDay(event.target.value));
  byId("day-before").addEventListener("click", () => shiftDay(-1));
  byId("day-after").addEventListener("click", () => shiftDay(1));
  byId("day-today").addEventListener("click", () => chooseDay(""));
  // Several people at an entrance make one request, not one each.
  hear("attendance", () => {
    if (route.view !== "attendance" || attendance.timer) return;
    attendance.timer = setTimeout(() => {
      attendance.timer = 0;
      loadAttendance().catch(complain);
    }, 500);
  });
}
