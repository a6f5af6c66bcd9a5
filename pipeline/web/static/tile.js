// One patient of the central station.

import { PRIORITIES, el, setText, shown } from "./dom.js";
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

export function chip(alarm) {
  const count = alarm.count > 1 ? ` ×${alarm.count}` : "";
  const kind = alarm.physiological ? "" : " technical";
  return el("span", { className: `chip ${alarm.priority}${kind}`, title: alarm.message },
    el("b", { ariaHidden: "true" }, PRIORITIES[alarm.priority]), ` ${alarm.kind}${count}`);
}

export function showChips(node, alarms, most = CHIPS) {
  const key = alarms.map((alarm) => `${alarm.kind}${alarm.count}${alarm.priority}`).join();
  if (node.dataset.key === key) return;
  node.dataset.key = key;
  const rest = alarms.length - most;
  node.replaceChildren(...alarms.slice(0, most).map(chip), ...(rest > 0 ? [el("span", { className: "more" }, `+${rest}`)] : []));
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
    this.name = el("a", { className: "name", href: hrefOf(patient), tabIndex: -1 }, patient.name);
    this.state = el("span", { className: "state" });
    this.heart = el("span", { className: "chips" });
    this.signal = el("span", { className: "chips" });
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
      el("header", {}, this.name, this.heart, this.take, el("span", { className: "space" }), this.signal, this.state),
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
    const heart = patient.open(true);
    const signal = patient.open(false);
    showChips(this.heart, heart, this.node.clientWidth < 560 ? 1 : 2);
    showChips(this.signal, signal, 1);
    this.take.hidden = !heart.length && !signal.length;
    setText(this.state, stateText(patient));
    setText(this.rate, shown(rateOf(patient), 0));
    const { recent, learning, quality } = patient.vitals;
    showQuality(this.quality, quality);
    setText(this.recent, learning ? "learning" : recent ? `${recent}/min\nflagged` : "");
    const worst = [...heart, ...signal].some((alarm) => alarm.priority === "high") ? "high"
      : heart[0]?.priority ?? signal[0]?.priority ?? "none";
    if (this.node.dataset.priority !== worst) this.node.dataset.priority = worst;
    if (this.node.dataset.state !== patient.state) this.node.dataset.state = patient.state;
  }
}
