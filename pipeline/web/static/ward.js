// What the page knows: the patients, as the service tells of them.

import { clock, dayTime } from "./dom.js";
import { Ring } from "./ring.js";
import { PlayClock } from "./playclock.js";

const RING_S = 60;
const ALARMS = 500; // kept of a patient, as the service does
export const RANK = { high: 0, medium: 1, low: 2 };

export class Patient {
  constructor(facts) {
    this.number = facts.patient;
    this.name = facts.name;
    this.fs = facts.fs;
    this.leads = facts.leads;
    this.ring = new Ring(Math.round(RING_S * facts.fs), facts.leads.length);
    this.clock = new PlayClock(facts.fs);
    this.beats = []; // those of the ring
    this.alarms = new Map();
    this.tell(facts);
  }

  tell(facts) {
    this.vitals = facts.vitals;
    this.from = facts.from_s;
    this.keeps = facts.history_s;
    this.status(facts);
    for (const alarm of facts.alarms) this.alarm(alarm);
    this.addBeats(facts.beats);
  }

  status({ state, until_s, began_us, lag_s }) {
    Object.assign(this, { state, until: until_s, began: began_us, lag: lag_s });
  }

  alarm(alarm) {
    this.alarms.set(alarm.key, alarm);
    if (this.alarms.size > ALARMS) this.alarms.delete(this.#leastNeeded());
  }

  // The alarm to forget: the oldest that is over and seen to, else that is over, else of all.
  #leastNeeded() {
    const over = [...this.alarms.values()].filter((alarm) => alarm.ended_s !== null && alarm.ended_s !== undefined);
    const mild = over.find((alarm) => alarm.by || alarm.priority !== "high");
    return (mild ?? over[0] ?? this.alarms.values().next().value).key;
  }

  addBeats(rows) {
    const last = this.beats.length ? this.beats[this.beats.length - 1].beat : -1;
    const added = rows.map(beatOf).filter((beat) => beat.beat > last);
    this.beats.push(...added);
    const oldest = this.ring.stop - RING_S * this.fs;
    while (this.beats.length && this.beats[0].rPeak < oldest) this.beats.shift();
    return added;
  }

  // The time of day of a moment of the record; the record's own time where nobody told when it began.
  time(seconds) {
    return this.began ? dayTime(this.began + 1e6 * seconds) : clock(seconds);
  }

  // Moments between two, in s of the record, at which a clock on the wall shows full multiples of `every` s.
  ticks(from, to, every) {
    const offset = this.began ? (this.began / 1e6) % every : 0;
    const moments = [];
    for (let s = Math.ceil((from + offset) / every) * every - offset; s <= to; s += every) moments.push(s);
    return moments;
  }

  signal(position, samples, now) {
    this.ring.write(position, samples);
    this.clock.arrived(position, this.ring.stop, now);
  }

  // Now, in s of the record.
  now() {
    return Math.max(this.until ?? 0, this.ring.stop / this.fs);
  }

  // Alarms whose cause lasts, the most urgent first, those that somebody has acknowledged last: what a bed is red for.
  current(physiological = null) {
    const lasting = [...this.alarms.values()].filter((alarm) => alarm.ended_s === null && (physiological === null || alarm.physiological === physiological));
    return lasting.sort((a, b) => RANK[a.priority] - RANK[b.priority] || Boolean(a.by) - Boolean(b.by) || b.raised_s - a.raised_s);
  }

  // Alarms that are over and that nobody has taken note of.
  past() {
    return [...this.alarms.values()].filter((alarm) => alarm.ended_s !== null && !alarm.by);
  }

  // How long an alarm's cause has lasted, in s.
  lasted(alarm) {
    return Math.max(0, (alarm.ended_s ?? this.now()) - alarm.onset_s);
  }

  openAlarms() {
    return [...this.alarms.values()].filter((alarm) => !alarm.by).map((alarm) => ({ alarm, patient: this }));
  }
}

export function beatOf([beat, rPeak, rr, score, threshold, p, flags, quality, kind, shape, rhythm]) {
  return {
    beat, rPeak, rr, score, threshold, p, quality, kind, shape, rhythm,
    anomaly: (flags & 1) > 0, drift: (flags & 2) > 0, learning: (flags & 4) > 0,
  };
}

export class Ward extends EventTarget {
  constructor() {
    super();
    this.patients = new Map();
  }

  byName(name) {
    for (const patient of this.patients.values()) if (patient.name === name) return patient;
    return null;
  }

  // Takes one event; says what has changed as an event of its own.
  event(event) {
    if (event.type === "hello") {
      const numbers = new Set(event.patients.map((facts) => facts.patient));
      for (const number of this.patients.keys()) if (!numbers.has(number)) this.patients.delete(number);
      for (const facts of event.patients) {
        const known = this.patients.get(facts.patient);
        // A service that was started anew may count from the beginning again.
        const goesOn = known?.name === facts.name && known.began === facts.began_us && facts.to_s * facts.fs >= known.ring.stop - 1;
        if (goesOn) {
          known.tell(facts);
          this.#say("resumed", { patient: known });
        } else this.patients.set(facts.patient, new Patient(facts));
      }
      this.#say("patients", {});
      return;
    }
    if (event.type === "patient") {
      this.#admit(event);
      this.#say("patients", {});
      return;
    }
    if (event.type === "gone") {
      if (this.patients.delete(event.patient)) this.#say("patients", {});
      return;
    }
    if (event.type === "backlog") {
      this.#say("backlog", event);
      return;
    }
    const patient = this.patients.get(event.patient);
    if (!patient) return;
    let detail = { patient, event };
    if (event.type === "beats") {
      patient.vitals = event.vitals;
      detail = { patient, beats: patient.addBeats(event.beats) };
    } else if (event.type === "alarm") patient.alarm(event);
    else if (event.type === "status") patient.status(event);
    this.#say(event.type, detail);
  }

  // A stay that begins anew takes the place of the last one.
  #admit(facts) {
    const next = new Patient(facts);
    const all = [...this.patients.values()];
    const at = all.findIndex((patient) => patient.name === next.name);
    if (at < 0) all.push(next);
    else all[at] = next;
    this.patients = new Map(all.map((patient) => [patient.number, patient]));
  }

  #say(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  signal(buffer, now) {
    for (const { patient, position, samples } of blocksOf(buffer)) this.patients.get(patient)?.signal(position, samples, now);
  }
}

// The binary form is described in pipeline/web/wire.py.
export function blocksOf(buffer) {
  const view = new DataView(buffer);
  if (view.getUint8(0) !== 1 || view.getUint8(1) !== 1) throw new Error("a message of another version: reload the page");
  const blocks = [];
  let at = 4;
  for (let n = view.getUint16(2, true); n > 0; n--) {
    const leads = view.getUint8(at + 2);
    const count = view.getUint32(at + 4, true);
    const samples = new Int16Array(buffer, at + 16, count * leads);
    blocks.push({ patient: view.getUint16(at, true), leads, position: view.getFloat64(at + 8, true), samples });
    at += 16 + 2 * count * leads;
  }
  return blocks;
}
