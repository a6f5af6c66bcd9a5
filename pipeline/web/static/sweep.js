// The running strip of a tile: a pen that goes round, and what it wrote a round ago is wiped just ahead of it.

import { KINDS, palette } from "./dom.js";
import { MISSING, zeroLine } from "./ring.js";
import { MM, drawGrid, drawMark, fit, hatch } from "./paper.js";

const AHEAD = 18; // px wiped ahead of the pen
const MARK_S = 0.3; // s behind the pen at which a beat is marked at the earliest: its band is written as a whole
const TOP = 12; // px for the marks
const TWO_LEADS = 40 * MM; // px of height from which two leads are drawn
const PX_PER_S = 25 * MM;

export class Sweep {
  constructor(patient) {
    this.patient = patient;
    this.grid = document.createElement("canvas"); // what a wiped stretch is wiped with; never on the page
    this.canvas = document.createElement("canvas");
    this.width = 0;
    this.drawn = null;
    this.zero = [];
    this.round = 0; // where what is written with these lines of zero begins
    this.marked = -1;
  }

  resize(width, height) {
    if (!width || !height) return;
    this.width = width;
    this.height = height;
    this.leads = height >= TWO_LEADS && this.patient.leads.length > 1 ? [0, 1] : [0];
    drawGrid(fit(this.grid, width, height), width, height);
    this.context = fit(this.canvas, width, height, { alpha: false }); // one opaque layer is half the work of two
    this.drawn = null;
  }

  #x(position) {
    return ((position / this.patient.fs) * PX_PER_S) % this.width;
  }

  #centre(i) {
    const room = this.height - TOP;
    return TOP + room * (this.leads.length === 1 ? 0.55 : 0.3 + 0.45 * i);
  }

  // Draws what has come due; called once a frame.
  frame(now) {
    const { patient } = this;
    const to = patient.clock.advance(now);
    if (to === null || !this.width) return;
    const end = Math.min(Math.floor(to), patient.ring.stop);
    const round = (this.width / PX_PER_S) * patient.fs;
    if (this.drawn === null || end - this.drawn > round / 2 || end < this.drawn) this.#anew(end, round);
    else if (end > this.drawn) this.#on(this.drawn, end);
    this.#marks(end);
  }

  #anew(end, round) {
    const { context, patient } = this;
    context.drawImage(this.grid, 0, 0, this.width, this.height);
    const start = Math.max(patient.ring.start, Math.ceil(end - round + (AHEAD / PX_PER_S) * patient.fs));
    this.#settle(start, end);
    this.#write(start, end);
    this.round = start;
    this.drawn = end;
    this.marked = start - 1;
  }

  #on(start, end) {
    const { width } = this;
    const from = this.#x(start);
    const to = this.#x(end);
    if (to < from) {
      this.#settle(end - Math.round((width / PX_PER_S) * this.patient.fs), end);
      this.round = start;
    }
    const wipe = (x, size) => this.#wipe(x, size);
    const ahead = to + AHEAD;
    if (to >= from) wipe(from + 1, ahead - from - 1);
    else {
      wipe(from + 1, width - from);
      wipe(0, ahead);
    }
    if (ahead > width) wipe(0, ahead - width);
    this.#write(start, end);
    this.drawn = end;
  }

  #wipe(x, size) {
    const scale = this.grid.width / this.width;
    const left = Math.max(0, Math.floor(x * scale));
    const pixels = Math.min(this.grid.width, Math.ceil((x + size) * scale)) - left;
    if (pixels <= 0) return;
    this.context.drawImage(this.grid, left, 0, pixels, this.grid.height, left / scale, 0, pixels / scale, this.height);
  }

  // The lines of zero are set once a round, so that they never move under a beat.
  #settle(start, end) {
    for (const lead of this.leads) {
      const centre = this.#centre(this.leads.indexOf(lead));
      const [above, below] = [centre - TOP - 8, this.height - centre - 4].map((room) => (100 * room) / MM);
      const first = Math.max(start, this.patient.ring.start);
      this.zero[lead] = zeroLine(this.patient.ring, first, end, lead, above, below) ?? this.zero[lead] ?? 0;
    }
  }

  #write(start, end) {
    const { context, patient } = this;
    const colours = palette();
    context.lineWidth = 1.4;
    context.lineJoin = "bevel";
    this.leads.forEach((lead, i) => {
      const centre = this.#centre(i);
      context.strokeStyle = i ? colours.muted : colours.ink;
      context.beginPath();
      let before = MISSING;
      let last = 0;
      for (let position = Math.max(start - 1, patient.ring.start); position < end; position++) {
        const value = patient.ring.at(position, lead);
        const x = this.#x(position);
        if (value !== MISSING) {
          const y = centre - ((value - this.zero[lead]) / 1000) * 10 * MM;
          if (before === MISSING || x < last) context.moveTo(x, y);
          else context.lineTo(x, y);
        }
        before = value;
        last = x;
      }
      context.stroke();
      this.#gap(lead, i, start, end, colours);
    });
  }

  #gap(lead, i, start, end, colours) {
    const { context, patient, width } = this;
    const half = (this.height - TOP) / (2 * this.leads.length);
    for (let position = start; position < end; position++) {
      if (patient.ring.at(position, lead) !== MISSING) continue;
      const from = this.#x(position);
      while (position + 1 < end && patient.ring.at(position + 1, lead) === MISSING && this.#x(position + 1) > from) position++;
      context.fillStyle = hatch(colours.gap);
      const to = Math.min(width, this.#x(position) + PX_PER_S / patient.fs);
      context.fillRect(from, TOP + 2 * half * i + 4, to - from, 2 * half - 8);
    }
  }

  // Marks the beats that have been scored since, where the pen has been already.
  #marks(end) {
    const { context, patient } = this;
    const beats = patient.beats;
    let i = beats.length;
    while (i > 0 && beats[i - 1].rPeak > this.marked) i--;
    for (; i < beats.length && beats[i].rPeak + MARK_S * patient.fs < end; i++) {
      const beat = beats[i];
      const x = this.#x(beat.rPeak);
      if (beat.anomaly) {
        const rr = beat.rr ?? 1; // bands of a fast run stand side by side
        const first = Math.max(patient.ring.start, Math.floor(beat.rPeak - Math.min(0.16, 0.45 * rr) * patient.fs));
        const last = Math.min(end, Math.ceil(first + Math.min(0.4, rr) * patient.fs));
        context.globalAlpha = beat.learning ? 0.12 : 0.25;
        context.fillStyle = palette()[beat.kind] ?? palette().other;
        const from = this.#x(first);
        const to = this.#x(last);
        context.fillRect(from, TOP, (to > from ? to : this.width) - from, this.height);
        if (to < from) context.fillRect(0, TOP, to, this.height);
        context.globalAlpha = 1;
        this.#write(Math.max(first, this.round), last); // on top of the band; what an earlier round wrote had another zero
      }
      drawMark(context, beat, Math.min(this.width - 8, Math.max(8, x)), 9, ({ kind }) => KINDS[kind]?.letter ?? "?");
      this.marked = beat.rPeak;
    }
  }
}
