// How an open alarm looks and sounds, by IEC 60601-1-8: three priorities, each with a colour, a flash and a burst of pulses.
//
// Sound is off until somebody switches it on in this browser, and can be paused for two minutes. It changes nothing that is
// seen. An alarm of high priority latches: when its cause is over it stays in view, and is recalled once a minute, until
// somebody acknowledges it; one that was acknowledged and lasts is recalled as seldom.

import { el, setText } from "./dom.js";

export const PAUSE_S = 120;
export const REMIND_S = 60;

// Moments in s at which the pulses of a burst begin, how long one is, its pitch in Hz, and the time from burst to burst.
// High: twice five, in groups of three and two; medium: three, slower; low: two, once.
const group = [0, 0.2, 0.4, 0.8, 1.0];
export const BURSTS = {
  high: { at: [...group, ...group.map((at) => at + 1.9)], pulse_s: 0.12, hz: 660, every_s: 6 },
  medium: { at: [0, 0.4, 0.8], pulse_s: 0.2, hz: 520, every_s: 15 },
  low: { at: [0, 0.45], pulse_s: 0.2, hz: 390, every_s: 30 },
};
const RANK = Object.keys(BURSTS);
const LOUD = 0.25;
const WISH = "ecg-sound"; // whether somebody wants to hear alarms in this browser
const HARMONICS = [1, 0.6, 0.4, 0.3, 0.2]; // a tone of several is heard from where

// What should be heard now: the most urgent alarm that lasts and that nobody has taken note of; else one to be recalled.
export function toSignal(patients) {
  let worst = null;
  let recalled = false;
  for (const patient of patients) {
    for (const alarm of patient.current()) {
      if (alarm.by) recalled ||= alarm.priority === "high";
      else if (worst === null || RANK.indexOf(alarm.priority) < RANK.indexOf(worst)) worst = alarm.priority;
    }
    recalled ||= latched(patient).length > 0;
  }
  return { priority: worst, recalled };
}

// Alarms of high priority whose cause is over and that nobody has taken note of.
export const latched = (patient) => patient.past().filter((alarm) => alarm.priority === "high" && alarm.physiological);

export class AlarmSignals {
  #ward;
  #context = null;
  #last = { priority: null, at: -Infinity };
  #tones = [];

  constructor(ward, { sound, pause, context = () => new AudioContext() }) {
    this.#ward = ward;
    this.bursts = []; // the last ones, for whoever looks into the page
    this.pausedUntil = -Infinity; // in s of the page's clock
    this.sound = sound;
    this.pause = pause;
    sound.addEventListener("click", () => this.#toggle(context));
    pause.addEventListener("click", () => this.#togglePause());
    this.#show(0);
  }

  get isOn() {
    return this.#context !== null;
  }

  isPaused(now) {
    return now < this.pausedUntil;
  }

  // Called a few times a second, with the page's clock in s.
  second(now) {
    this.#show(now);
    if (!this.isOn || this.isPaused(now)) return;
    const { priority, recalled } = toSignal(this.#ward.patients.values());
    const burst = priority ?? (recalled ? "low" : null);
    const every = priority === null ? REMIND_S : BURSTS[priority].every_s;
    const isGraver = priority !== null && (this.#last.priority === null || RANK.indexOf(priority) < RANK.indexOf(this.#last.priority));
    if (burst === null) this.#last = { priority: null, at: this.#last.at };
    else if (isGraver || now - this.#last.at >= every) {
      this.#last = { priority, at: now };
      this.#play(burst, priority === null, now);
    }
  }

  #play(priority, recalled, now) {
    const { at, pulse_s, hz } = BURSTS[priority];
    this.bursts = [...this.bursts.slice(-19), { priority, recalled, at: now, pulses: at.length }];
    const context = this.#context;
    this.#tones = [];
    for (const start of at) {
      const gain = context.createGain();
      const begin = context.currentTime + 0.05 + start;
      // It rises and falls over a fifth of the pulse: no click.
      gain.gain.setValueAtTime(0, begin);
      gain.gain.linearRampToValueAtTime(LOUD, begin + pulse_s / 5);
      gain.gain.setValueAtTime(LOUD, begin + (4 * pulse_s) / 5);
      gain.gain.linearRampToValueAtTime(0, begin + pulse_s);
      const tone = context.createOscillator();
      tone.setPeriodicWave(context.createPeriodicWave(new Float32Array(HARMONICS.length + 1), new Float32Array([0, ...HARMONICS])));
      tone.frequency.value = hz;
      tone.connect(gain).connect(context.destination);
      tone.start(begin);
      tone.stop(begin + pulse_s);
      this.#tones.push(tone);
    }
  }

  #toggle(context) {
    if (this.isOn) {
      this.#context.close();
      this.#context = null;
      this.pausedUntil = -Infinity;
    } else this.#context = context();
    localStorage.setItem(WISH, this.isOn ? "on" : "off");
    this.#last = { priority: null, at: -Infinity };
    this.#show(performance.now() / 1000);
  }

  #togglePause() {
    const now = performance.now() / 1000;
    this.pausedUntil = this.isPaused(now) ? -Infinity : now + PAUSE_S;
    if (this.isPaused(now)) for (const tone of this.#tones) tone.stop(); // what sounds now stops at once
    this.#show(now);
  }

  #show(now) {
    const paused = this.isOn && this.isPaused(now);
    this.sound.setAttribute("aria-pressed", String(this.isOn));
    // A browser lets no page sound before somebody presses something on it: after a reload it is said that this is due.
    const due = !this.isOn && localStorage.getItem(WISH) === "on";
    this.sound.classList.toggle("due", due);
    setText(this.sound, this.isOn ? "sound on" : due ? "sound was on: press" : "sound off");
    this.pause.hidden = !this.isOn;
    this.pause.setAttribute("aria-pressed", String(paused));
    const left = Math.ceil(this.pausedUntil - now);
    setText(this.pause, paused ? `paused ${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}` : "pause 2 min");
  }
}

// What has latched, as a chip that stays in view.
export function latchChip(patient) {
  const alarms = latched(patient);
  if (!alarms.length) return null;
  const kinds = [...new Set(alarms.map((alarm) => alarm.kind))];
  return el("span", { className: "chip latched", title: `over, not acknowledged: ${kinds.join(", ")}` },
    el("b", { ariaHidden: "true" }, "!!!"), ` was ${kinds[0]}${kinds.length > 1 ? ` +${kinds.length - 1}` : ""}`);
}
