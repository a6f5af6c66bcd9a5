// One beat, enlarged: what was seen, what was expected, and the error of each sample in each lead.

import { el, palette, probability, shown } from "./dom.js";
import { fit } from "./paper.js";

const PAD = { left: 40, right: 10, top: 16, bottom: 18 };
const ERROR = 0.24; // share of a lead's height for its errors
const LINE_PX = 13; // between two numbers of a scale at the least
const BEFORE_MS = 1000 / 3; // from the window's start to the R peak

export class BeatView {
  constructor(canvas, facts) {
    this.canvas = canvas;
    this.facts = facts;
  }

  resize(width, height) {
    if (!width || !height) return;
    this.width = width;
    this.height = height;
    this.context = fit(this.canvas, width, height);
    this.shown = null;
  }

  show(beat, history) {
    const shape = beat ? history.shapes.get(beat.beat) : undefined;
    if (beat && shape === undefined && this.shown) return; // on its way
    const key = `${beat?.beat} ${Boolean(shape)} ${this.width}`;
    if (key === this.shown) return;
    this.shown = key;
    this.#facts(beat, shape, history.patient);
    if (this.width) this.#draw(beat, shape, history.patient);
  }

  #facts(beat, shape, patient) {
    const rows = beat ? [
      ["beat", `${beat.beat}`],
      ["time", patient.time(beat.rPeak / patient.fs)],
      ["verdict", beat.anomaly ? beat.kind : "not flagged"],
      ["score, threshold", `${shown(beat.score, 2)} ${beat.anomaly ? ">" : "≤"} ${shown(beat.threshold, 2)}`],
      ["p", probability(beat.p)],
      ["shape + rhythm", `${shown(beat.shape, 2)} + ${shown(beat.rhythm, 2)}`],
      ["R-R", `${shown(beat.rr, 2)} s`],
      ["quality", beat.quality === null ? "–" : `${Math.round(100 * beat.quality)} %`],
      ...(shape ? patient.leads.slice(0, shape.seen.length).map((lead, i) => [`rms error ${lead}`, `${shown(rms(shape, i), 0)} µV`]) : []),
    ] : [["", "No anomaly yet. Point at a beat on the strip or in the trends."]];
    this.facts.replaceChildren(...rows.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
  }

  #draw(beat, shape, patient) {
    const { context, width, height } = this;
    const colours = palette();
    context.clearRect(0, 0, width, height);
    if (!shape) return;
    const n = shape.seen.length;
    const lane = (height - PAD.top - PAD.bottom) / n;
    shape.seen.forEach((seen, lead) => this.#lead(seen, shape.expected[lead], patient.leads[lead], PAD.top + lane * lead, lane - 6, colours));
    const steps = shape.seen[0].length;
    const x = this.#x(steps);
    context.fillStyle = colours.muted;
    context.font = "11px system-ui, sans-serif";
    context.textBaseline = "bottom";
    for (let ms = -300; ms <= 200; ms += 100) {
      context.textAlign = "center";
      context.fillText(ms === 0 ? "R" : ms === 200 ? "200 ms" : `${ms}`, x(((ms + BEFORE_MS) / 1000) * shape.fs), height - 2);
    }
  }

  #x(steps) {
    return (i) => PAD.left + (i / (steps - 1)) * (this.width - PAD.left - PAD.right);
  }

  #lead(seen, expected, name, top, room, colours) {
    const { context, width } = this;
    const steps = seen.length;
    const x = this.#x(steps);
    const all = [...seen, ...expected].filter((value) => value !== null);
    if (!all.length) {
      this.#name(`${name}: not there`, top, colours);
      return;
    }
    const low = Math.min(...all);
    const high = Math.max(...all, low + 500);
    const waves = room * (1 - ERROR) - 4;
    const y = (value) => top + waves * (1 - (value - low) / (high - low));
    context.strokeStyle = colours.edge;
    context.lineWidth = 1;
    context.font = "10px system-ui, sans-serif";
    context.textAlign = "right";
    context.textBaseline = "middle";
    // As many lines as their numbers leave room for.
    const every = [250, 500, 1000, 2000, 5000].find((step) => (waves * step) / (high - low) >= LINE_PX) ?? 5000;
    for (let value = Math.ceil(low / every) * every; value <= high; value += every) {
      context.beginPath();
      context.moveTo(PAD.left, y(value));
      context.lineTo(width - PAD.right, y(value));
      context.stroke();
      // The last number's place is that of the errors' scale.
      if (y(value) <= top + waves - LINE_PX / 2) context.fillText((value / 1000).toFixed(every < 500 ? 2 : 1), PAD.left - 5, y(value));
    }
    this.#name(name, top, colours); // under the waves: no sample is hidden
    const line = (values, colour, size) => {
      context.strokeStyle = colour;
      context.lineWidth = size;
      context.lineJoin = "round";
      context.beginPath();
      let isDown = false;
      values.forEach((value, i) => {
        if (value === null) isDown = false;
        else if (isDown) context.lineTo(x(i), y(value));
        else context.moveTo(x(i), y(value));
        isDown = value !== null;
      });
      context.stroke();
    };
    // The area between the two.
    context.fillStyle = colours.error;
    context.globalAlpha = 0.22;
    for (let i = 1; i < steps; i++) {
      const four = [seen[i - 1], seen[i], expected[i], expected[i - 1]];
      if (four.includes(null)) continue;
      context.beginPath();
      context.moveTo(x(i - 1), y(four[0]));
      context.lineTo(x(i), y(four[1]));
      context.lineTo(x(i), y(four[2]));
      context.lineTo(x(i - 1), y(four[3]));
      context.fill();
    }
    context.globalAlpha = 1;
    line(expected, colours.expected, 2.5);
    line(seen, colours.ink, 1.75);
    this.#errors(seen, expected, x, top + waves + 6, room * ERROR - 4, colours);
  }

  // The lead's name, cleared of what runs behind it.
  #name(text, top, colours) {
    const { context } = this;
    context.font = "600 11px system-ui, sans-serif";
    context.textAlign = "left";
    context.textBaseline = "top";
    context.lineWidth = 4;
    context.strokeStyle = colours.panel;
    context.strokeText(text, PAD.left + 4, top);
    context.fillStyle = colours.muted;
    context.fillText(text, PAD.left + 4, top);
  }

  #errors(seen, expected, x, top, room, colours) {
    const { context } = this;
    const errors = seen.map((value, i) => (value === null || expected[i] === null ? null : Math.abs(value - expected[i])));
    const most = Math.max(200, ...errors.map((error) => error ?? 0));
    const size = Math.max(1, x(1) - x(0) - 0.5);
    context.fillStyle = colours.error;
    errors.forEach((error, i) => {
      if (error !== null) context.fillRect(x(i) - size / 2, top + room * (1 - error / most), size, (room * error) / most);
    });
    context.fillStyle = colours.muted;
    context.font = "10px system-ui, sans-serif";
    context.textAlign = "right";
    context.textBaseline = "top";
    context.fillText((most / 1000).toFixed(1), PAD.left - 5, top);
  }
}

function rms(shape, lead) {
  const errors = shape.seen[lead].map((value, i) => (value === null || shape.expected[lead][i] === null ? null : value - shape.expected[lead][i])).filter((error) => error !== null);
  return errors.length ? Math.sqrt(errors.reduce((sum, error) => sum + error * error, 0) / errors.length) : null;
}
