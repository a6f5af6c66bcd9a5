// One patient of the central station.

import { PRIORITIES, clock, el, setText, shown } from "./dom.js";
import { latchChip } from "./signals.js";
import { Sweep } from "./sweep.js";

const STALE_S = 5; // s without a beat after which a rate is no longer one
const CHIPS = 3;

export const hrefOf = (patient) => `#/p/${encodeURIComponent(patient.name)}`;

const STATES = { live: "●", late: "◐", ended: "○" };

export function stateText(patient) {
  const late = patient.lag !== null && patient.lag > 5 ? ` ${patient.lag.toFixed(0)} s` : "";
  return `${STATES[patient.state] ?? "?"} ${patient.state}${patient.state === "ended" ? "" : late}`;
}

// The heart rate, or null where it has gone stale.
export function rateOf(patient) {
  const last = patient.beats[patient.beats.length - 1];
  if (!last || patient.state !== "live" || (patient.ring.stop - last.rPeak) / patient.fs > STALE_S) return null;
  return patient.vitals.hr;
}

// An alarm that lasts, with its age; in outline where somebody has taken note of it.
function chip(alarm, age) {
  const kind = `${alarm.physiological ? "" : " technical"}${alarm.by ? " taken" : ""}`;
  const by = alarm.by ? `, acknowledged by ${alarm.by}` : "";
  return el("span", { className: `chip ${alarm.priority}${kind}`, title: `${alarm.message}${by}` },
    el("b", { ariaHidden: "true" }, alarm.by ? "✓" : PRIORITIES[alarm.priority]), el("span", { className: "what" }, ` ${alarm.kind}`), el("span", { className: "age" }, ` ${age}`));
}

// Shows a patient's alarms that last; ages alone change most of the time.
export function showChips(node, patient, alarms, most = CHIPS) {
  const key = alarms.map((alarm) => `${alarm.key} ${alarm.kind} ${alarm.priority} ${alarm.by ?? ""}`).join();
  const shownNow = alarms.slice(0, most);
  if (node.dataset.key !== key) {
    node.dataset.key = key;
    const rest = alarms.length - most;
    node.replaceChildren(...shownNow.map((alarm) => chip(alarm, "")), ...(rest > 0 ? [el("span", { className: "more" }, `+${rest}`)] : []));
  }
  shownNow.forEach((alarm, i) => setText(node.children[i].querySelector(".age"), ` ${clock(patient.lasted(alarm))}`));
}

// What is over and nobody has taken note of: told, but nothing turns red for it.
export function showPast(node, patient) {
  const past = patient.past();
  node.hidden = !past.length;
  if (!past.length) return;
  setText(node, `${past.length} past`);
  const kinds = [...new Set(past.map((alarm) => alarm.kind))];
  node.title = `over, not acknowledged: ${kinds.slice(0, 6).join(", ")}`;
}

const RATES = new Set(["tachycardia", "extreme tachycardia", "bradycardia", "extreme bradycardia", "asystole"]);

// The heart rate stands in the colour of what is wrong with it.
export function showRate(node, patient) {
  setText(node, shown(rateOf(patient), 0));
  const wrong = patient.current(true).find((alarm) => RATES.has(alarm.kind));
  const colour = wrong?.priority ?? "none";
  if (node.dataset.alarm !== colour) node.dataset.alarm = colour;
}

export function qualityText(quality) {
  return quality === null ? "no signal quality yet" : `signal quality ${Math.round(100 * quality)} %`;
}

export function showQuality(node, quality) {
  const bars = quality === null ? 0 : Math.max(1, Math.ceil(quality * 4 - 0.2));
  if (node.dataset.bars === String(bars)) return;
  node.dataset.bars = bars;
  node.title = qualityText(quality);
  node.setAttribute("aria-label", node.title);
}

export const qualityBars = () => el("span", { className: "quality", role: "img" }, el("i"), el("i"), el("i"), el("i"));

export class Tile {
  constructor(patient, { onSelect, onAcknowledge }) {
    this.patient = patient;
    this.sweep = new Sweep(patient);
    this.isVisible = true;
    // On a wall, the site that all share gives its room to the bed.
    const cut = patient.name.lastIndexOf("/") + 1;
    this.site = patient.name.slice(0, cut);
    this.name = el("a", { className: "name", href: hrefOf(patient), tabIndex: -1 }, el("span", { className: "site" }, this.site), patient.name.slice(cut));
    this.state = el("span", { className: "state" });
    this.heart = el("span", { className: "chips heart" });
    this.signal = el("span", { className: "chips signal" });
    this.past = el("span", { className: "past", hidden: true });
    this.latch = el("span", { className: "chips latch" });
    this.rate = el("span", { className: "rate" }); // read when asked for: eight beds must not speak all day
    this.quality = qualityBars();
    this.recent = el("span", { className: "recent" });
    this.lead = el("span", { className: "lead" });
    this.take = el("button", {
      type: "button", className: "take", hidden: true, title: `Acknowledge the alarms of ${patient.name} (A)`, ariaLabel: `acknowledge the alarms of ${patient.name}`,
      onclick: (event) => {
        event.stopPropagation(); // the tile itself opens the patient
        onAcknowledge();
      },
    }, "✓");
    this.paper = el("div", { className: "paper" }, this.sweep.canvas, this.lead);
    this.node = el("article", { className: "tile", tabIndex: 0, ariaLabel: patient.name, onfocus: () => onSelect(this) },
      el("header", {}, this.name, this.heart, this.latch, this.past, this.take, el("span", { className: "space" }), this.signal, this.state),
      this.paper,
      el("div", { className: "numbers" }, this.rate, el("span", { className: "unit" }, "bpm"), this.quality, this.recent));
    this.node.dataset.patient = patient.name;
    this.node.addEventListener("click", () => { location.hash = hrefOf(patient); });
  }

  measure() {
    const { width, height } = this.paper.getBoundingClientRect();
    this.sweep.resize(Math.floor(width), Math.floor(height));
    setText(this.lead, (this.sweep.leads ?? []).map((i) => this.patient.leads[i]).join("  ·  "));
  }

  show() {
    const { patient } = this;
    const heart = patient.current(true);
    const signal = patient.current(false);
    showChips(this.heart, patient, heart, this.node.clientWidth < 560 ? 1 : 2);
    showChips(this.signal, patient, signal, 1);
    this.signal.classList.toggle("after", heart.length > 0); // on a wall there is room for one alarm
    showPast(this.past, patient);
    const latch = latchChip(patient);
    if (this.latch.textContent !== (latch?.textContent ?? "")) this.latch.replaceChildren(...(latch ? [latch] : []));
    this.take.hidden = !patient.openAlarms().length;
    setText(this.state, stateText(patient));
    showRate(this.rate, patient);
    const { recent, learning, quality } = patient.vitals;
    showQuality(this.quality, quality);
    setText(this.recent, learning ? "learning" : recent ? `${recent}/min\nflagged` : "");
    // What lasts, and nothing else, colours a bed.
    const worst = patient.current()[0];
    this.node.dataset.priority = worst?.priority ?? "none";
    this.node.dataset.taken = String(Boolean(worst?.by));
    if (this.node.dataset.state !== patient.state) this.node.dataset.state = patient.state;
  }
}
