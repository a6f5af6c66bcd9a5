// A patient's own limits of alarms: what holds, who set it, and setting others.

import { knownName, rememberName } from "./acknowledge.js";
import { ask, post } from "./connection.js";
import { el, say, setText, wallClock } from "./dom.js";
import { fillName, mayChange } from "./me.js";

const SHOWN = 5; // changes that stand below

const dialog = document.getElementById("limits");
const form = dialog.querySelector("form");
let patient = null;
let known = [];

const textOf = (limit, value) => `${value} ${limit.unit}`;

function rowOf(limit) {
  const id = `limit-${limit.name}`;
  const input = el("input", { id, type: "number", name: limit.name, min: limit.lowest, max: limit.highest, step: "any", value: limit.own ?? "", placeholder: String(limit.usual) });
  return el("tr", { className: limit.own === null ? "" : "own" },
    el("th", { scope: "row" }, el("label", { htmlFor: id }, limit.meaning)),
    el("td", {}, input, ` ${limit.unit}`),
    el("td", {}, textOf(limit, limit.usual)));
}

function lineOf(change) {
  const limit = known.find(({ name }) => name === change.name);
  const what = limit ? `${limit.meaning} ${change.value === null ? "as usual" : textOf(limit, change.value)}` : change.name;
  return el("li", {}, `${wallClock(change.set_at_us)}, ${change.by}: ${what}`);
}

function show({ limits, history }) {
  known = limits;
  form.querySelector("tbody").replaceChildren(...limits.map(rowOf));
  form.querySelector("ul").replaceChildren(...history.slice(0, SHOWN).map(lineOf), ...(history.length ? [] : [el("li", {}, "Nobody has set any yet.")]));
}

const trouble = (text) => setText(form.querySelector(".trouble"), text);

// Opens the limits of a patient, as they are now.
export async function openLimits(wanted) {
  patient = wanted;
  try {
    const told = await (await ask(`/api/patients/${wanted.number}/limits`)).json();
    if (patient !== wanted) return; // somebody else has been asked for meanwhile
    show(told);
  } catch (error) {
    say(`Limits cannot be read: ${error.message}`);
    return;
  }
  setText(dialog.querySelector("h2"), `Limits of ${patient.name}`);
  trouble("");
  fillName(form.by, knownName());
  for (const field of form.querySelectorAll("input, .primary")) field.disabled = !mayChange();
  dialog.showModal();
  (mayChange() ? form.querySelector("tbody input") : dialog.querySelector(".cancel")).focus();
}

// What differs from what holds: a number, or null where a field was emptied.
function changes() {
  const out = {};
  for (const limit of known) {
    const { value } = form.elements[limit.name];
    const wanted = value === "" ? null : Number(value);
    if (wanted !== limit.own) out[limit.name] = wanted;
  }
  return out;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const limits = changes();
  const by = form.by.value.trim();
  if (!Object.keys(limits).length) {
    trouble("Nothing is changed.");
    return;
  }
  try {
    await post(`/api/patients/${patient.number}/limits`, { patient: patient.name, by, limits });
  } catch (error) {
    trouble(error.message); // the dialog stays, so that it can be put right
    return;
  }
  rememberName(by);
  dialog.close();
  say(`Limits of ${patient.name} set by ${by}; they hold within two seconds.`);
});

dialog.querySelector(".cancel").addEventListener("click", () => dialog.close());
