// Taking note of alarms. It is asked what is meant and who takes note; the name is kept in this browser.

import { post } from "./connection.js";
import { PRIORITIES, el, say, setText } from "./dom.js";
import { fillName, mayChange } from "./me.js";

const KEY = "ecg-who";
const NAMED = 8; // kinds that a question names; it counts the rest

export const knownName = () => localStorage.getItem(KEY);

export function rememberName(name) {
  localStorage.setItem(KEY, name);
}

export function forgetName() {
  localStorage.removeItem(KEY);
}

const alarmsOf = (n) => (n === 1 ? "1 alarm" : `${n} alarms`);

// What is about to be acknowledged: a line for each kind of each patient, the most urgent first.
function linesOf(alarms) {
  const lines = new Map();
  for (const { alarm, patient } of alarms) {
    const key = `${patient.name}\n${alarm.kind}`;
    const line = lines.get(key) ?? { patient, alarm, n: 0 };
    line.n += 1;
    if (alarm.raised_s >= line.alarm.raised_s) line.alarm = alarm;
    lines.set(key, line);
  }
  const rank = Object.keys(PRIORITIES);
  return [...lines.values()].sort((a, b) => rank.indexOf(a.alarm.priority) - rank.indexOf(b.alarm.priority));
}

function ask(alarms) {
  const dialog = document.getElementById("who");
  const form = dialog.querySelector("form");
  const lines = linesOf(alarms);
  const beds = new Set(alarms.map(({ patient }) => patient.name));
  setText(dialog.querySelector("h2"), `Acknowledge ${alarmsOf(alarms.length)} of ${beds.size === 1 ? [...beds][0] : `${beds.size} patients`}?`);
  dialog.querySelector("ul").replaceChildren(
    ...lines.slice(0, NAMED).map(({ patient, alarm, n }) => el("li", {},
      el("span", { className: `chip ${alarm.priority}${alarm.physiological ? "" : " technical"}` }, `${PRIORITIES[alarm.priority]} ${alarm.kind}${n > 1 ? ` ×${n}` : ""}`),
      ` ${n > 1 ? "last " : ""}${patient.time(alarm.raised_s)}${beds.size > 1 ? `, ${patient.name}` : ""}`)),
    ...(lines.length > NAMED ? [el("li", {}, `and ${lines.length - NAMED} more kinds`)] : []),
  );
  fillName(form.by, knownName());
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      const name = form.by.value.trim();
      if (dialog.returnValue !== "ok" || !name) return resolve(null);
      rememberName(name);
      resolve(name);
    }, { once: true });
    dialog.returnValue = "";
    dialog.showModal();
    // Who is known confirms with Enter; who is not says a name first.
    (form.by.value ? dialog.querySelector("button.primary") : form.by).focus();
  });
}

document.querySelector("#who .cancel").addEventListener("click", () => document.getElementById("who").close());

async function takeBack(numbers, by) {
  try {
    await post("/api/alarms/take-back", { by, alarms: numbers });
    say(`Open again: ${alarmsOf(numbers.length)}`);
  } catch (error) {
    say(`Still acknowledged: ${error.message}`);
  }
}

// Asks, then stores: `alarms` are pairs of alarm and patient. Every page hears of it from the service; nothing is shown as
// acknowledged that is not stored.
export async function acknowledge(alarms) {
  if (!mayChange()) {
    say("This page is for looking: acknowledging needs another token.");
    return;
  }
  const wanted = alarms.filter(({ alarm }) => alarm.id !== null && !alarm.by);
  if (!wanted.length) {
    say(alarms.some(({ alarm }) => !alarm.by) ? "These alarms wait for the database; try again." : "There is nothing to acknowledge.");
    return;
  }
  const by = await ask(wanted);
  if (!by) {
    say("Nothing was acknowledged.");
    return;
  }
  try {
    const numbers = wanted.map(({ alarm }) => alarm.id);
    await post("/api/alarms/acknowledge", { by, alarms: numbers }); // all of them or none
    say(`Acknowledged by ${by}: ${wanted.length === 1 ? wanted[0].alarm.kind : alarmsOf(wanted.length)}`, { text: "Undo", onclick: () => takeBack(numbers, by) });
  } catch (error) {
    say(`Not acknowledged: ${error.message}`);
  }
}
