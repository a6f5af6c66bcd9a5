// The alarm list of the ward: what lasts first, by urgency and age, then what is over and nobody has taken note of.

import { PRIORITIES, clock, el, setText, shown, wallClock } from "./dom.js";
import { hrefOf } from "./tile.js";
import { RANK } from "./ward.js";

const LEAD_S = 4; // s of strip after an alarm's beginning, where a click leads
const ROWS = 300; // shown at the most; what is left out is counted
const FILTERS = { open: "Open", lasting: "Lasting", all: "All" };
const COLUMNS = ["", "alarm", "patient", "began", "lasted", "rate", "longest run", "what", "acknowledged"];

export const stateOf = (alarm) => (alarm.ended_s === null ? (alarm.by ? "lasting, acknowledged" : "lasting") : alarm.by ? "acknowledged" : "over");

// Where a click leads: the strip of the beginning.
export function stripOf(patient, alarm) {
  const query = new URLSearchParams({ t: (alarm.onset_s + LEAD_S).toFixed(3) });
  return `${hrefOf(patient)}?${query}`;
}

function order(a, b) {
  const group = ({ alarm }) => (alarm.ended_s === null ? 0 : 2) + (alarm.by ? 1 : 0);
  return group(a) - group(b) || RANK[a.alarm.priority] - RANK[b.alarm.priority] || beganUs(b) - beganUs(a);
}

const beganUs = ({ patient, alarm }) => (patient.began ?? 0) + 1e6 * alarm.onset_s;

export class AlarmList {
  constructor(root, ward, { acknowledge }) {
    Object.assign(this, { root, ward, acknowledge });
    this.filter = "open";
    this.rows = new Map(); // what is on the page, by patient and key
    this.chosen = new Set();
    this.#build();
  }

  #build() {
    this.filters = Object.entries(FILTERS).map(([name, text]) => el("button", { type: "button", onclick: () => this.#choose(name) }, text));
    this.search = el("input", { type: "search", placeholder: "patient or alarm", ariaLabel: "filter by patient or alarm", oninput: () => this.second() });
    this.take = el("button", { type: "button", className: "primary change", title: "A", onclick: () => this.#acknowledge() });
    this.body = el("tbody");
    this.note = el("p", { className: "quiet" });
    this.root.append(
      el("header", {}, el("a", { href: "#/", className: "back", title: "central station (Esc)" }, "‹ All"), el("h2", {}, "Alarms"),
        el("span", { className: "group", role: "group", ariaLabel: "which alarms" }, ...this.filters), this.search,
        el("span", { className: "space" }), this.take),
      el("div", { className: "rows", tabIndex: 0, ariaLabel: "alarms of the ward", role: "region" }, el("table", {},
        el("thead", {}, el("tr", {}, ...COLUMNS.map((name) => (name ? el("th", { scope: "col" }, name) : el("td"))))), this.body)),
      this.note,
    );
  }

  get isOpen() {
    return !this.root.hidden;
  }

  show(isShown) {
    if (this.isOpen === isShown) return;
    this.root.hidden = !isShown;
    this.second();
  }

  #choose(name) {
    this.filter = name;
    this.second();
  }

  #wanted() {
    const words = this.search.value.trim().toLowerCase();
    const all = [...this.ward.patients.values()].flatMap((patient) => [...patient.alarms.values()].map((alarm) => ({ patient, alarm })));
    return all.filter(({ patient, alarm }) => {
      if (this.filter === "lasting" && alarm.ended_s !== null) return false;
      if (this.filter === "open" && alarm.ended_s !== null && alarm.by) return false;
      return !words || `${patient.name} ${alarm.kind} ${alarm.priority}`.toLowerCase().includes(words);
    }).sort(order);
  }

  // Rows keep their nodes, so that a focus, a hand on a box or a reader's place is not lost.
  second() {
    if (!this.isOpen) return;
    const wanted = this.#wanted();
    const shownNow = wanted.slice(0, ROWS);
    const keys = shownNow.map(({ patient, alarm }) => `${patient.number} ${alarm.key}`);
    for (const [key, row] of this.rows) {
      if (!keys.includes(key)) {
        row.node.remove();
        this.rows.delete(key);
        this.chosen.delete(key);
      }
    }
    shownNow.forEach(({ patient, alarm }, i) => {
      const row = this.rows.get(keys[i]) ?? this.#row(keys[i], patient);
      row.alarm = alarm;
      this.#fill(row);
      if (this.body.children[i] !== row.node) this.body.insertBefore(row.node, this.body.children[i] ?? null);
    });
    this.filters.forEach((node, i) => node.setAttribute("aria-pressed", String(Object.keys(FILTERS)[i] === this.filter)));
    const n = this.#meant().length;
    setText(this.take, this.chosen.size ? `Acknowledge ${n} chosen` : `Acknowledge all ${n}`);
    this.take.disabled = !n;
    const left = wanted.length - shownNow.length;
    setText(this.note, !wanted.length ? (this.filter === "all" ? "No alarm yet." : "No alarm.") : left ? `and ${left} more` : "");
  }

  #row(key, patient) {
    const box = el("input", { type: "checkbox", onchange: () => {
      if (box.checked) this.chosen.add(key);
      else this.chosen.delete(key);
      this.second();
    } });
    const cells = Object.fromEntries(["kind", "began", "lasted", "rate", "longest", "message", "taken"].map((name) => [name, el("td", { className: name })]));
    const link = el("a", { className: "strip-link" });
    cells.began.append(link);
    const node = el("tr", { tabIndex: -1, onclick: (event) => { if (!event.target.closest("a, button, input")) location.hash = link.hash; } },
      el("td", {}, box), cells.kind, el("th", { scope: "row" }, el("a", { href: hrefOf(patient) }, patient.name)),
      cells.began, cells.lasted, cells.rate, cells.longest, cells.message, cells.taken);
    const row = { key, patient, node, box, link, cells };
    this.rows.set(key, row);
    return row;
  }

  #fill({ patient, alarm, node, box, link, cells }) {
    const state = stateOf(alarm);
    const said = `${state} ${alarm.revision} ${alarm.by ?? ""} ${alarm.id}`;
    setText(cells.lasted, clock(patient.lasted(alarm)));
    if (node.dataset.said === said) return;
    node.dataset.said = said;
    node.dataset.state = state;
    node.dataset.priority = alarm.priority;
    box.disabled = Boolean(alarm.by) || alarm.id === null;
    if (box.disabled) box.checked = false;
    box.setAttribute("aria-label", `choose ${alarm.kind} of ${patient.name}`);
    cells.kind.replaceChildren(el("span", { className: `chip ${alarm.ended_s === null ? alarm.priority : "over"}${alarm.physiological ? "" : " technical"}${alarm.by ? " taken" : ""}` },
      `${alarm.by ? "✓" : PRIORITIES[alarm.priority]} ${alarm.kind}`), el("span", { className: "state" }, state));
    setText(link, patient.began ? wallClock(patient.began + 1e6 * alarm.onset_s) : clock(alarm.onset_s));
    link.href = stripOf(patient, alarm);
    link.title = "show the strip of its beginning";
    setText(cells.rate, alarm.rate_bpm === null ? "" : `${shown(alarm.rate_bpm, 0)} bpm`);
    setText(cells.longest, alarm.longest ? `${alarm.longest} beats` : "");
    setText(cells.message, alarm.message);
    cells.taken.replaceChildren(alarm.by ? `${alarm.by}, ${wallClock(alarm.at_us)}` : el("button", { type: "button", className: "ack", onclick: () => this.acknowledge([{ alarm, patient }]) }, "Acknowledge"));
  }

  // What "acknowledge" is about: what is chosen, else all that is shown and open.
  #meant() {
    const rows = [...this.rows.values()].filter(({ key, alarm }) => !alarm.by && (!this.chosen.size || this.chosen.has(key)));
    return rows.map(({ alarm, patient }) => ({ alarm, patient }));
  }

  #acknowledge() {
    this.acknowledge(this.#meant());
  }

  key(event) {
    if (event.key === "Escape") {
      location.hash = "#/";
      return true;
    }
    const nodes = [...this.body.children];
    const at = nodes.indexOf(document.activeElement?.closest?.("tbody tr"));
    const step = { ArrowDown: 1, ArrowUp: -1, Home: -nodes.length, End: nodes.length }[event.key];
    if (step !== undefined && nodes.length) {
      nodes[Math.min(nodes.length - 1, Math.max(0, at + step))].focus();
      return true;
    }
    const row = [...this.rows.values()].find(({ node }) => node === nodes[at]);
    if (event.key === "Enter" && row) {
      location.hash = row.link.hash;
      return true;
    }
    if (event.key === " " && row && !row.box.disabled) {
      row.box.click();
      return true;
    }
    if (event.key === "a") {
      if (row && !this.chosen.size) this.acknowledge([{ alarm: row.alarm, patient: row.patient }]);
      else this.#acknowledge();
      return true;
    }
    return false;
  }
}
