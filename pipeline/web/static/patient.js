// The view of one patient: strip, all that is kept, trends, one beat, alarms.

import { forgetName, knownName } from "./acknowledge.js";
import { AlarmTable } from "./alarmtable.js";
import { BeatView } from "./beatview.js";
import { clock, el, palette, say, setText } from "./dom.js";
import { History } from "./history.js";
import { openLimits } from "./limits.js";
import { Minimap } from "./minimap.js";
import { Strip } from "./strip.js";
import { hrefOf, qualityBars, qualityText, showChips, showPast, showQuality, showRate, stateText } from "./tile.js";
import { Trends } from "./trends.js";

const SPEEDS = [12.5, 25, 50];
const RANGES = [[60, "1 min"], [300, "5 min"], [1800, "30 min"]];

export class PatientView {
  constructor(root, ward, { acknowledge, onWatch }) {
    Object.assign(this, { root, ward, acknowledge, onWatch });
    this.isOpen = false;
    this.patient = null;
    this.#build();
    new ResizeObserver(() => this.#measure()).observe(root);
  }

  #build() {
    const button = (text, title, onclick) => el("button", { type: "button", title, onclick }, text);
    this.name = el("h2");
    this.state = el("span", { className: "state" });
    this.heart = el("span", { className: "chips" });
    this.signal = el("span", { className: "chips" });
    this.rate = el("span", { className: "rate" });
    this.past = el("span", { className: "past", hidden: true });
    this.unit = el("span", { className: "unit" }, "bpm");
    this.quality = qualityBars();
    this.facts = el("span", { className: "recent" });
    this.live = button("Live", "back to now (L)", () => this.scrollTo(null));
    this.speeds = SPEEDS.map((speed) => button(`${speed}`, `${speed} mm/s`, () => this.#setSpeed(speed)));
    this.ranges = RANGES.map(([range, text]) => button(text, `trends over ${text}`, () => this.#setRange(range)));
    const stripCanvas = el("canvas", { tabIndex: -1, role: "img", ariaLabel: "ECG strip with the model’s expectation" });
    this.paper = el("div", { className: "paper" }, stripCanvas);
    const mapCanvas = el("canvas", { role: "img", ariaLabel: "all that is kept: anomalies, alarms, gaps" });
    this.map = el("div", { className: "map" }, mapCanvas);
    this.charts = el("div", { className: "charts" });
    this.readout = el("span", { className: "readout" });
    this.beatTitle = el("h3");
    this.beatWhy = el("p", { className: "why" });
    const beatFacts = el("dl", { tabIndex: 0, ariaLabel: "facts of the beat" });
    this.lens = el("div", { className: "lens" }, el("canvas", { role: "img", ariaLabel: "a beat: seen, expected, error" }));
    this.who = button("", "let somebody else take note", () => { forgetName(); this.second(); });
    this.save = el("select", { title: "the strip that is seen, as a file", onchange: () => this.#save() },
      ...[["", "strip…"], ["pdf", "PDF, true to scale"], ["png", "PNG"], ["csv", "CSV"], ["wfdb", "WFDB"], ["edf", "EDF"]].map(([value, text]) => el("option", { value }, text)));
    this.take = button("Acknowledge all", "A", () => this.acknowledge(this.patient?.openAlarms() ?? []));
    for (const node of [this.who, this.take]) node.classList.add("change");
    this.alarmRoot = el("div", { className: "alarms" });
    this.root.append(
      el("header", {},
        el("a", { href: "#/", className: "back", title: "central station (Esc)" }, "‹ All"),
        el("div", { className: "who" }, this.name, this.state), this.heart, this.signal, this.past, el("span", { className: "space" }),
        this.facts, this.quality, el("span", { className: "heart-rate" }, this.rate, this.unit)),
      el("div", { className: "tools" },
        button("‹ Previous anomaly", "P", () => this.#step(-1)), button("Next anomaly ›", "N", () => this.#step(1)), this.live,
        el("span", { className: "group", role: "group", ariaLabel: "paper speed, mm/s" }, ...this.speeds, el("span", {}, "mm/s, 10 mm/mV")),
        el("span", { className: "legend" }, el("i", { className: "seen" }), "seen", el("i", { className: "expected" }), "expected"),
        el("span", { className: "space" }),
        el("label", { className: "save" }, "Save ", this.save),
        button("Copy link", "an address that opens exactly this view", () => this.#copy()),
        button("Limits", "limits of alarms for this patient", () => this.patient && openLimits(this.patient)),
        this.who, this.take),
      this.paper, this.map,
      el("section", { className: "trends" }, el("header", {}, el("h3", {}, "Score, p-value, R-R interval"), this.readout, el("span", { className: "space" }),
        el("span", { className: "group", role: "group" }, ...this.ranges)), this.charts),
      el("section", { className: "beat" }, this.beatTitle, this.beatWhy, this.lens, beatFacts),
      el("section", { className: "history" }, el("h3", {}, "Alarms"), this.alarmRoot));
    this.strip = new Strip(stripCanvas, { onScroll: (end) => this.scrollTo(end), onPick: (beat) => this.pick(beat) });
    this.minimap = new Minimap(mapCanvas, (end) => this.scrollTo(end));
    this.trends = new Trends(this.charts, this.readout, (beat) => this.pick(beat, true));
    this.beatView = new BeatView(this.lens.firstChild, beatFacts);
    this.table = new AlarmTable(this.alarmRoot, {
      acknowledge: (alarm) => this.acknowledge([{ alarm, patient: this.patient }]),
      onPick: (alarm) => {
        const beat = this.history.nearest(alarm.onset_s * this.patient.fs);
        if (beat && alarm.first_beat >= 0) this.pick(beat, true);
        else this.#centre(alarm.onset_s * this.patient.fs);
      },
    });
    this.#press();
  }

  // Opens a patient as an address says, or closes the view.
  open(name, query) {
    const patient = name === null ? null : this.ward.byName(name);
    this.wanted = name;
    this.isOpen = name !== null;
    this.root.hidden = !patient;
    if (!patient) {
      this.patient = null;
      return;
    }
    const isNew = patient !== this.patient;
    if (isNew) {
      this.patient = patient;
      this.history = new History(patient, () => { this.strip.isDirty = true; this.isStale = true; });
      this.strip.open(this.history);
      setText(this.name, patient.name);
      this.table.load(patient);
      this.onWatch([patient.number]);
      this.#read(query);
      this.#measure();
      this.trends.open(this.history);
      this.#load();
    } else this.#read(query);
  }

  // After a break of the connection: what was missed of a patient is asked for.
  resume(patient) {
    if (patient === this.patient) this.#load();
  }

  #load() {
    this.history.load().then(() => this.second(), (error) => say(error.message));
  }

  #read(query) {
    const t = Number.parseFloat(query.get("t"));
    const beat = Number.parseInt(query.get("beat"), 10);
    const speed = Number.parseFloat(query.get("speed"));
    const range = Number.parseFloat(query.get("range"));
    this.strip.end = Number.isFinite(t) ? t * this.patient.fs : null;
    this.strip.selected = Number.isFinite(beat) ? beat : null;
    if (SPEEDS.includes(speed)) this.strip.speed = speed;
    if (RANGES.some(([known]) => known === range)) this.trends.range = range;
    this.strip.isDirty = true;
    this.#press();
  }

  // The address is always that of what is seen.
  #write() {
    const query = new URLSearchParams();
    if (this.strip.end !== null) query.set("t", (this.strip.end / this.patient.fs).toFixed(3));
    if (this.strip.selected !== null) query.set("beat", this.strip.selected);
    if (this.strip.speed !== 25) query.set("speed", this.strip.speed);
    if (this.trends.range !== 300) query.set("range", this.trends.range);
    const text = query.toString();
    history.replaceState(null, "", hrefOf(this.patient) + (text ? `?${text}` : ""));
    this.#press();
  }

  #press() {
    this.live.setAttribute("aria-pressed", String(this.strip.end === null));
    this.speeds.forEach((node, i) => node.setAttribute("aria-pressed", String(SPEEDS[i] === this.strip.speed)));
    this.ranges.forEach((node, i) => node.setAttribute("aria-pressed", String(RANGES[i][0] === this.trends.range)));
  }

  async #copy() {
    try {
      await navigator.clipboard.writeText(location.href);
      say("Link copied: it opens exactly this view.");
    } catch {
      say("The address of this page is the link.");
    }
  }

  // Saves the stretch that the strip shows.
  #save() {
    const form = this.save.value;
    this.save.value = "";
    if (!form || !this.patient) return;
    const to = Math.floor(this.strip.right());
    const from = Math.max(0, Math.ceil(to - this.strip.seconds * this.patient.fs));
    el("a", { href: `/api/patients/${this.patient.number}/strip.${form}?from=${from}&to=${to}`, download: "" }).click();
  }

  // Scrolls so that the strip ends at a position; null is live.
  scrollTo(end) {
    if (!this.patient) return;
    if (end === null || end >= this.history.to()) this.strip.end = null;
    else {
      const first = this.history.from() + this.strip.seconds * this.patient.fs;
      // To the millisecond, as the address has it.
      this.strip.end = (Math.round((1000 * Math.max(first, end)) / this.patient.fs) / 1000) * this.patient.fs;
    }
    this.strip.isDirty = true;
    this.isStale = true;
    this.#write();
  }

  #centre(position) {
    const half = (this.strip.seconds / 2) * this.patient.fs;
    this.scrollTo(Math.min(position + half, this.history.to() - 1));
  }

  // Selects a beat; the strip goes there if the beat is not on it, or stands still where it is.
  pick(beat, isCentred = false) {
    this.strip.selected = beat.beat;
    const end = this.strip.right();
    const onStrip = beat.rPeak < end && beat.rPeak > end - this.strip.seconds * this.patient.fs;
    if (isCentred || !onStrip) this.#centre(beat.rPeak);
    else this.scrollTo(Math.min(end, this.history.to() - 1));
  }

  #step(by) {
    if (!this.patient) return;
    const selected = this.#selected();
    const from = this.strip.selected !== null && selected ? selected.rPeak : this.strip.right();
    const beat = this.history.anomaly(from, by);
    if (beat) this.pick(beat, true);
    else say(by > 0 ? "No later anomaly." : "No earlier anomaly.");
  }

  #selected() {
    const { selected } = this.strip;
    if (selected === null) return this.history.lastAnomaly();
    return this.history.beats.find(({ beat }) => beat === selected) ?? null;
  }

  #setSpeed(speed) {
    this.strip.speed = speed;
    this.strip.isDirty = true;
    this.#write();
  }

  #setRange(range) {
    this.trends.range = range;
    this.isStale = true;
    this.#write();
  }

  hear(type, { patient, beats, event }) {
    if (patient !== this.patient) return;
    if (type === "beats") {
      this.history.add(beats);
      if (this.strip.end === null) this.strip.refresh();
    } else if (type === "drift") this.history.drifts.push(event);
    else if (type === "gap") this.history.gaps.push(event);
    else if (type === "alarm") this.table.load(patient);
    this.isStale = true;
    this.strip.isDirty = true;
  }

  frame(now) {
    if (this.isOpen && this.patient) this.strip.frame(now);
  }

  // What is read rather than watched.
  second() {
    const { patient, history: known, strip } = this;
    if (!this.isOpen || !patient) return;
    // Looking back, nothing says "live" but the button that leads there.
    const isBack = strip.end !== null;
    setText(this.state, isBack ? `◷ ${patient.time(strip.right() / patient.fs)}, ${clock((known.to() - strip.right()) / patient.fs)} ago` : stateText(patient));
    this.state.classList.toggle("back-in-time", isBack);
    setText(this.unit, isBack ? "bpm now" : "bpm");
    showRate(this.rate, patient);
    showChips(this.heart, patient, patient.current(true), 4);
    showChips(this.signal, patient, patient.current(false), 3);
    showPast(this.past, patient);
    const { anomalies, learning, quality, doubt } = patient.vitals;
    showQuality(this.quality, quality);
    const name = knownName();
    this.who.hidden = !name;
    setText(this.who, name ? `as ${name} ×` : "");
    setText(this.facts, `${anomalies} anomalies${learning ? ", learning" : doubt ? ", rate not promised" : ""}, ${qualityText(quality)}`);
    this.facts.title = doubt ? `The declared false-alarm rate is not promised: ${doubt}.` : "";
    const beat = this.#selected();
    if (beat && !known.shapes.has(beat.beat)) known.need(beat.rPeak, beat.rPeak + 1);
    if (beat) known.explain(beat);
    setText(this.beatWhy, (beat && known.why.get(beat.beat)) ?? "");
    const early = beat?.learning ? ", while the patient was still being learnt" : "";
    setText(this.beatTitle, (strip.selected === null ? "Last anomaly" : "Selected beat") + early);
    this.beatView.show(beat, known);
    if (!strip.width) return;
    const right = strip.right() / patient.fs;
    this.minimap.draw(known, strip.right(), strip.seconds);
    if (this.isStale) {
      this.isStale = false;
      this.trends.update(right, strip.end === null ? null : [right - strip.seconds, right]);
    }
  }

  #measure() {
    if (this.root.hidden) return;
    const size = (node) => [Math.floor(node.clientWidth), Math.floor(node.clientHeight)];
    this.strip.resize(...size(this.paper));
    this.minimap.resize(...size(this.map));
    this.beatView.resize(...size(this.lens));
    this.trends.resize();
    this.second();
  }

  repaint() {
    palette();
    if (!this.patient) return;
    this.trends.repaint();
    this.#measure();
  }

  key(event) {
    if (event.key === "Escape") {
      location.hash = "#/";
      return true;
    }
    if (!this.patient) return false;
    const { fs } = this.patient;
    const step = event.shiftKey ? 0.9 * this.strip.seconds : 1;
    const actions = {
      ArrowLeft: () => this.scrollTo(this.strip.right() - step * fs),
      ArrowRight: () => this.scrollTo(this.strip.right() + step * fs),
      Home: () => this.scrollTo(0),
      End: () => this.scrollTo(null),
      l: () => { this.strip.selected = null; this.scrollTo(null); },
      n: () => this.#step(1),
      p: () => this.#step(-1),
      a: () => this.acknowledge(this.patient.openAlarms()),
      "+": () => this.#setSpeed(SPEEDS[Math.min(SPEEDS.length - 1, SPEEDS.indexOf(this.strip.speed) + 1)]),
      "-": () => this.#setSpeed(SPEEDS[Math.max(0, SPEEDS.indexOf(this.strip.speed) - 1)]),
      "]": () => this.#neighbour(1),
      "[": () => this.#neighbour(-1),
    };
    const action = actions[event.key];
    if (!action) return false;
    action();
    return true;
  }

  #neighbour(by) {
    const all = [...this.ward.patients.values()];
    const next = all[(all.indexOf(this.patient) + by + all.length) % all.length];
    location.hash = hrefOf(next);
  }
}
