// The paper strip of the patient view: it runs while live and stands still when scrolled back.

import { KINDS, palette } from "./dom.js";
import { MISSING, zeroLine } from "./ring.js";
import { MM, drawGrid, drawMark, fit, hatch } from "./paper.js";

const TOP = 20; // px for marks
const BOTTOM = 15; // px for times

export class Strip {
  constructor(canvas, { onScroll, onPick }) {
    this.canvas = canvas;
    this.onScroll = onScroll;
    this.onPick = onPick;
    this.grid = document.createElement("canvas");
    this.speed = 25; // mm/s
    this.end = null; // position at the right edge; null: live
    this.selected = null;
    this.history = null;
    this.isDirty = true;
    this.zero = [];
    this.#hand();
  }

  open(history) {
    this.history = history;
    this.patient = history.patient;
    this.zero = [];
    this.settled = -Infinity;
    this.isDirty = true;
  }

  get pxPerS() {
    return this.speed * MM;
  }

  get seconds() {
    return this.width / this.pxPerS;
  }

  // Sees to it that what a live strip shows of beats just scored is there soon.
  refresh() {
    const end = this.right();
    if (this.width) this.history.need(end - (this.seconds * this.patient.fs), end + this.patient.fs);
  }

  resize(width, height) {
    if (!width || !height) return;
    this.width = width;
    this.height = height;
    this.context = fit(this.canvas, width, height);
    drawGrid(fit(this.grid, width + 5 * MM, height), width + 5 * MM, height);
    this.isDirty = true;
  }

  // Where the strip ends now, in samples.
  right() {
    return this.end ?? this.patient.clock.position ?? this.patient.ring.stop;
  }

  frame(now) {
    if (!this.history || !this.width) return;
    this.patient.clock.advance(now);
    if (this.end !== null && !this.isDirty) return;
    this.isDirty = false;
    this.#draw(now);
  }

  #draw(now) {
    const { context, patient, width, height, history } = this;
    const { fs } = patient;
    const colours = palette();
    const perSample = this.pxPerS / fs;
    const end = this.right();
    const start = end - width / perSample;
    const x = (position) => (position - start) * perSample;
    if (this.end !== null || now - this.settled > 2000) {
      this.settled = now;
      history.need(Math.floor(start), Math.ceil(end));
      patient.leads.forEach((_, lead) => {
        const centre = this.#centre(lead);
        const [above, below] = [centre - TOP, height - BOTTOM - centre].map((room) => (100 * room) / MM);
        const first = Math.max(0, Math.floor(start));
        this.zero[lead] = zeroLine(history, first, Math.ceil(end), lead, above, below) ?? this.zero[lead] ?? 0;
      });
    }
    const big = 5 * MM;
    const shift = ((((start / fs) * this.pxPerS) % big) + big) % big;
    context.clearRect(0, 0, width, height);
    context.drawImage(this.grid, -shift, 0, width + big, height);
    const beats = history.between(start - fs, end + fs);
    this.#tints(beats, x, colours);
    this.#lines(x, start, end, colours);
    for (const beat of beats) this.#expected(history.shapes.get(beat.beat), x, colours);
    this.#signal(Math.max(Math.floor(start) - 1, 0), Math.ceil(end), x, colours);
    for (const beat of beats) drawMark(context, beat, x(beat.rPeak), 11, ({ kind }) => KINDS[kind]?.letter ?? "?");
    this.#times(start / fs, end / fs, x, colours);
  }

  #centre(lead) {
    const room = this.height - TOP - BOTTOM;
    return TOP + (room * (lead + 0.58)) / this.patient.leads.length;
  }

  #y(lead, microvolts) {
    return this.#centre(lead) - ((microvolts - this.zero[lead]) / 1000) * 10 * MM;
  }

  #tints(beats, x, colours) {
    const { context, patient, height } = this;
    for (const beat of beats) {
      const isSelected = beat.beat === this.selected;
      if (!beat.anomaly && !isSelected) continue;
      const rr = beat.rr ?? 1;
      const left = x(beat.rPeak - Math.min(0.2, 0.45 * rr) * patient.fs);
      const size = Math.min(0.5, rr) * this.pxPerS;
      if (beat.anomaly) {
        context.globalAlpha = beat.learning ? 0.1 : 0.2;
        context.fillStyle = colours[beat.kind] ?? colours.other;
        context.fillRect(left, 0, size, height);
        context.globalAlpha = 1;
      }
      if (isSelected) {
        context.strokeStyle = colours.accent;
        context.lineWidth = 2;
        context.strokeRect(left, 1, size, height - 2);
      }
    }
  }

  // Drifts, and the onsets of alarms.
  #lines(x, start, end, colours) {
    const { context, patient, height } = this;
    context.font = "600 11px system-ui, sans-serif";
    context.textAlign = "left";
    context.textBaseline = "bottom";
    const labels = [];
    const line = (at, colour, dash, text) => {
      // Names of what happened together stand one above the other.
      const above = labels.filter((other) => Math.abs(other - at) < 110).length;
      labels.push(at);
      context.strokeStyle = context.fillStyle = colour;
      context.setLineDash(dash);
      context.lineWidth = 1.5;
      context.beginPath();
      context.moveTo(at, TOP);
      context.lineTo(at, height - BOTTOM);
      context.stroke();
      context.setLineDash([]);
      context.fillText(text, at + 4, height - BOTTOM - 3 - 13 * above);
    };
    for (const drift of this.history.drifts) {
      const at = drift.time_s * patient.fs;
      if (at > start && at < end) line(x(at), colours.drift, [5, 4], "drift");
    }
    for (const alarm of patient.alarms.values()) {
      const at = alarm.onset_s * patient.fs;
      if (at > start && at < end) line(x(at), colours[alarm.priority], [2, 2], alarm.kind);
    }
  }

  #expected(shape, x, colours) {
    if (!shape) return;
    const { context, patient } = this;
    context.strokeStyle = colours.expected;
    context.globalAlpha = 0.75;
    context.lineWidth = 3.5;
    context.lineJoin = "bevel";
    shape.on_strip.forEach((values, lead) => {
      context.beginPath();
      let isDown = false;
      values.forEach((value, i) => {
        if (value === null) {
          isDown = false;
          return;
        }
        const at = x((shape.start_s + i / shape.fs) * patient.fs);
        if (isDown) context.lineTo(at, this.#y(lead, value));
        else context.moveTo(at, this.#y(lead, value));
        isDown = true;
      });
      context.stroke();
    });
    context.globalAlpha = 1;
  }

  #signal(start, end, x, colours) {
    const { context, patient, history } = this;
    const stop = Math.min(end, patient.ring.stop);
    context.strokeStyle = colours.ink;
    context.lineWidth = 1.4;
    context.lineJoin = "bevel"; // a round join takes a software renderer several times as long
    patient.leads.forEach((name, lead) => {
      context.beginPath();
      let gap = null;
      let isDown = false;
      const gaps = [];
      // Of the samples that share a px, the least and the most are drawn: no peak is lost.
      const together = Math.max(1, Math.floor(patient.fs / this.pxPerS));
      for (let position = start; position < stop;) {
        let low = history.at(position, lead);
        if (low === MISSING) {
          gap ??= position;
          position += 1;
          isDown = false;
          continue;
        }
        if (gap !== null) gaps.push([gap, position]);
        gap = null;
        const at = x(position);
        let high = low;
        let last = low;
        const next = Math.min(stop, position - (position % together) + together);
        for (position++; position < next; position++) {
          last = history.at(position, lead);
          if (last === MISSING) break;
          if (last < low) low = last;
          if (last > high) high = last;
        }
        const [one, two] = last > (low + high) / 2 ? [low, high] : [high, low];
        if (isDown) context.lineTo(at, this.#y(lead, one));
        else context.moveTo(at, this.#y(lead, one));
        if (one !== two) context.lineTo(at, this.#y(lead, two));
        isDown = true;
      }
      if (gap !== null) gaps.push([gap, stop]);
      context.stroke();
      context.fillStyle = hatch(colours.gap);
      const room = (this.height - TOP - BOTTOM) / patient.leads.length;
      for (const [from, to] of gaps) context.fillRect(x(from), TOP + room * lead + 3, x(to) - x(from), room - 6);
      context.fillStyle = colours.muted;
      context.font = "600 12px system-ui, sans-serif";
      context.textAlign = "left";
      context.textBaseline = "top";
      context.fillText(name, 6, TOP + room * lead + 2);
    });
  }

  #times(from, to, x, colours) {
    const { context, patient, height } = this;
    context.fillStyle = colours.muted;
    context.font = "11px system-ui, sans-serif";
    context.textAlign = "center";
    context.textBaseline = "bottom";
    const every = this.pxPerS > 60 ? 1 : 2;
    for (const s of patient.ticks(Math.max(0, from), to, every)) {
      const at = x(s * patient.fs);
      if (at > 26 && at < this.width - 26) context.fillText(patient.time(s), at, height - 1);
    }
  }

  // A strip is taken by the hand, and a beat on it is pointed at.
  #hand() {
    const { canvas } = this;
    let from = null;
    let moved = 0;
    canvas.addEventListener("pointerdown", (event) => {
      from = { x: event.clientX, end: this.right() };
      moved = 0;
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!from) return;
      const by = event.clientX - from.x;
      moved = Math.max(moved, Math.abs(by));
      if (moved > 4) this.onScroll(from.end - (by / this.pxPerS) * this.patient.fs);
    });
    canvas.addEventListener("pointerup", (event) => {
      if (from && moved <= 4) {
        const left = canvas.getBoundingClientRect().left;
        const position = this.right() - ((this.width - (event.clientX - left)) / this.pxPerS) * this.patient.fs;
        const beat = this.history.nearest(position);
        if (beat && Math.abs(beat.rPeak - position) < 0.5 * this.patient.fs) this.onPick(beat);
      }
      from = null;
    });
    canvas.addEventListener("pointercancel", () => { from = null; });
    canvas.addEventListener("wheel", (event) => {
      const by = Math.abs(event.deltaX) > Math.abs(event.deltaY) ? event.deltaX : event.shiftKey ? event.deltaY : 0;
      if (!by) return;
      event.preventDefault();
      this.onScroll(this.right() + (by / this.pxPerS) * this.patient.fs);
    }, { passive: false });
  }
}
