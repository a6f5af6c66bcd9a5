// Everything that belongs to no one view: the address, the clock, the keys, the theme, the connection.

import { Connection } from "./connection.js";
import { AlarmList } from "./alarmlist.js";
import { acknowledge } from "./acknowledge.js";
import { announce } from "./announce.js";
import { KINDS, el, forgetPalette, setText } from "./dom.js";
import { PatientView } from "./patient.js";
import { AlarmSignals } from "./signals.js";
import { Station } from "./station.js";
import { Ward } from "./ward.js";

const $ = (id) => document.getElementById(id);
const ward = new Ward();
const connection = new Connection(ward);
const station = new Station($("station"), ward, { acknowledge, onWatch: (numbers) => connection.watch(numbers) });
const view = new PatientView($("patient"), ward, { acknowledge, onWatch: (numbers) => connection.watch(numbers) });

const signals = new AlarmSignals(ward, { sound: $("sound"), pause: $("pause") });
const list = new AlarmList($("alarms"), ward, { acknowledge });

// The address: #/ is the central station, #/wall the same to be read from afar, #/alarms the list of alarms,
// #/p/NAME?t=SECONDS&... is exactly one view of one patient.

function route() {
  const [, name, query] = /^#\/p\/([^?]*)\??(.*)$/.exec(location.hash) ?? [];
  const wanted = name === undefined ? null : decodeURIComponent(name);
  const isWall = location.hash === "#/wall";
  const isList = location.hash === "#/alarms";
  document.body.dataset.view = wanted !== null ? "patient" : isList ? "alarms" : isWall ? "wall" : "station";
  $("wall").setAttribute("aria-pressed", String(isWall));
  station.show(wanted === null && !isList, isWall);
  list.show(isList);
  view.open(wanted, new URLSearchParams(query ?? ""));
  $("empty").hidden = wanted !== null || isList || ward.patients.size > 0;
}
addEventListener("hashchange", route);
let isNew = false;
ward.addEventListener("patients", () => {
  if (isNew) return; // a ward that fills up is laid out once a frame
  isNew = true;
  requestAnimationFrame(() => {
    isNew = false;
    station.update();
    route();
  });
});
// A technical alarm: what is shown is late by so much.
ward.addEventListener("backlog", ({ detail }) => {
  $("behind").hidden = !detail.seconds;
  if (detail.seconds) setText($("behind"), `The monitor is ${detail.seconds} s behind: ${detail.frames} frames wait`);
});
ward.addEventListener("alarm", ({ detail }) => announce(detail.patient, detail.event));
for (const type of ["beats", "alarm", "drift", "gap", "status"]) {
  ward.addEventListener(type, ({ detail }) => view.hear(type, detail));
}

ward.addEventListener("resumed", ({ detail }) => view.resume(detail.patient));

// One loop draws. What is read rather than watched is written four times a second.

let frames = 0;
let wrote = 0;
globalThis.monitor = { ward, connection, station, view, list, signals, fps: 0 }; // for whoever looks into the page, tests among them
function frame(now) {
  frames += 1;
  station.frame(now);
  view.frame(now);
  if (now - wrote > 250) {
    wrote = now;
    station.second();
    view.second();
    list.second();
    overview();
  }
  requestAnimationFrame(frame);
}
requestAnimationFrame(frame);
setInterval(() => signals.second(performance.now() / 1000), 250); // also where the page is not in sight, and nothing is drawn
let counted = performance.now();
setInterval(() => {
  const now = performance.now();
  globalThis.monitor.fps = (1000 * frames) / (now - counted);
  frames = 0;
  counted = now;
}, 2000);

const time = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });

function overview() {
  // What lasts now; what is over and open is one number.
  const open = { high: 0, medium: 0, low: 0 };
  let [technical, past] = [0, 0];
  for (const patient of ward.patients.values()) {
    for (const alarm of patient.current()) {
      if (alarm.physiological) open[alarm.priority] += 1;
      else technical += 1;
    }
    past += patient.past().length;
  }
  const n = ward.patients.size;
  setText($("counts"), n === 1 ? "1 patient" : `${n} patients`);
  const key = JSON.stringify([open, technical, past]);
  if ($("open").dataset.key !== key) {
    $("open").dataset.key = key;
    const entries = [["high", "!!!"], ["medium", "!!"], ["low", "!"]].filter(([name]) => open[name])
      .map(([name, mark]) => el("span", { className: `chip ${name}` }, el("b", { ariaHidden: "true" }, mark), ` ${open[name]} ${name}`));
    if (technical) entries.push(el("span", { className: "chip low technical" }, `${technical} technical`));
    entries.push(el("span", { className: "past" }, entries.length || past ? `${past} past` : "no alarm"));
    $("open").replaceChildren(...entries);
    document.title = `${open.high ? `(${open.high}!!!) ` : ""}ECG monitor`;
  }
  setText($("clock"), time.format(new Date()));
  if (connection.lostAt !== null) setText($("lost-for"), `(${((performance.now() - connection.lostAt) / 1000).toFixed(0)} s)`);
}

connection.addEventListener("change", () => {
  $("lost").hidden = connection.lostAt === null;
  document.body.classList.toggle("is-lost", connection.lostAt !== null);
});

// Light and dark: the system's, until somebody chooses.

function setTheme(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  forgetPalette();
  station.repaint();
  view.repaint();
}
function toggleTheme() {
  // What is seen now: chosen here, else the system's.
  const now = document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  const next = now === "dark" ? "light" : "dark";
  localStorage.setItem("ecg-theme", next);
  setTheme(next);
}
setTheme(localStorage.getItem("ecg-theme"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => setTheme(null));
$("theme").addEventListener("click", toggleTheme);

function toggleWall() {
  location.hash = location.hash === "#/wall" ? "#/" : "#/wall";
}
$("wall").addEventListener("click", toggleWall);

// Keys.

const KEYS = [
  ["Arrows", "move between patients"], ["Enter", "open the patient"], ["Esc", "back to the central station"],
  ["A", "acknowledge the patient’s alarms, after a question"], ["← →", "scroll back and on (with Shift: a strip at a time)"],
  ["N  P", "next, previous anomaly"], ["L", "the alarm list; of a patient, live"], ["Space", "choose an alarm of the list"], ["+  −", "paper speed"], ["[  ]", "previous, next patient"],
  ["T", "light or dark"], ["W", "to be read from afar"], ["F", "full screen"], ["?", "this list"],
];
$("help").querySelector(".keys").append(...KEYS.flatMap(([key, text]) => [el("dt", {}, el("kbd", {}, key)), el("dd", {}, text)]));
$("help").querySelector(".marks").append(...[
  ["·", "normal", "scored, not flagged"],
  ...Object.entries(KINDS).map(([kind, { letter, meaning }]) => [letter, kind, `flagged, ${meaning}`]),
].flatMap(([letter, kind, text]) => [el("dt", {}, el("span", { className: `mark ${kind}` }, letter)), el("dd", {}, text)]),
el("dt", {}, el("span", { className: "mark other outline" }, "V")), el("dd", {}, "in outline: the patient is still being learnt"));
$("keys").addEventListener("click", () => $("help").showModal());

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.target.matches("input, select, textarea")) return;
  if (event.target.matches("button, a") && (event.key === "Enter" || event.key === " ")) return;
  const handled = view.isOpen ? view.key(event) : list.isOpen ? list.key(event) : station.key(event);
  if (!handled) {
    if (event.key === "t") toggleTheme();
    else if (event.key === "w") toggleWall();
    else if (event.key === "l") location.hash = "#/alarms";
    else if (event.key === "?") $("help").showModal();
    else if (event.key === "f") document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen();
    else return;
  }
  event.preventDefault();
});
