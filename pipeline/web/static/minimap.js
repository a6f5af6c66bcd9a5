// All that is kept of a patient on one line: anomalies, alarms, gaps, and where the strip stands.

import { palette } from "./dom.js";
import { fit, hatch } from "./paper.js";

export class Minimap {
  constructor(canvas, onScroll) {
    this.canvas = canvas;
    let isHeld = false;
    const go = (event) => {
      if (!this.history) return;
      const { left, width } = canvas.getBoundingClientRect();
      const [from, to] = this.#range();
      const centre = from + ((event.clientX - left) / width) * (to - from);
      onScroll(centre + (this.seconds / 2) * this.history.patient.fs);
    };
    canvas.addEventListener("pointerdown", (event) => {
      isHeld = true;
      canvas.setPointerCapture(event.pointerId);
      go(event);
    });
    canvas.addEventListener("pointermove", (event) => { if (isHeld) go(event); });
    canvas.addEventListener("pointerup", () => { isHeld = false; });
  }

  #range() {
    const from = this.history.from();
    return [from, Math.max(this.history.to(), from + 60 * this.history.patient.fs)];
  }

  resize(width, height) {
    if (!width || !height) return;
    this.width = width;
    this.height = height;
    this.context = fit(this.canvas, width, height);
  }

  draw(history, right, seconds) {
    this.history = history;
    this.seconds = seconds;
    if (!this.width) return;
    const { context, width, height } = this;
    const colours = palette();
    const { fs } = history.patient;
    const [from, to] = this.#range();
    const x = (position) => ((position - from) / (to - from)) * width;
    context.clearRect(0, 0, width, height);
    context.fillStyle = hatch(colours.gap);
    for (const gap of history.gaps) context.fillRect(x(gap.start_s * fs), 4, Math.max(1, x(gap.stop_s * fs) - x(gap.start_s * fs)), height - 18);
    const lanes = { ventricular: 0, supraventricular: 1, other: 2 };
    for (const beat of history.beats) {
      if (!beat.anomaly) continue;
      context.fillStyle = colours[beat.kind] ?? colours.other;
      context.globalAlpha = beat.learning ? 0.5 : 1;
      context.fillRect(x(beat.rPeak) - 0.5, 5 + 6 * (lanes[beat.kind] ?? 2), 1.5, 5);
    }
    context.globalAlpha = 1;
    for (const alarm of history.patient.alarms.values()) {
      const at = x(alarm.onset_s * fs);
      context.fillStyle = colours[alarm.priority];
      context.beginPath();
      context.moveTo(at - 3.5, 0);
      context.lineTo(at + 3.5, 0);
      context.lineTo(at, 5);
      context.fill();
    }
    context.strokeStyle = colours.edge;
    context.beginPath();
    context.moveTo(0, height - 13.5);
    context.lineTo(width, height - 13.5);
    context.stroke();
    context.fillStyle = colours.muted;
    context.font = "10px system-ui, sans-serif";
    context.textBaseline = "bottom";
    context.textAlign = "center";
    const every = [10, 30, 60, 120, 300, 600].find((s) => (s * fs * width) / (to - from) > 90) ?? 600;
    for (const s of history.patient.ticks(from / fs, to / fs, every)) {
      const at = x(s * fs);
      if (at > 26 && at < width - 26) context.fillText(history.patient.time(s), at, height);
    }
    const left = x(right - seconds * fs);
    const size = Math.max(3, x(right) - left);
    context.fillStyle = colours.window;
    context.fillRect(left, 0, size, height - 14);
    context.strokeStyle = colours.accent;
    context.lineWidth = 1;
    context.strokeRect(left + 0.5, 0.5, size - 1, height - 14);
  }
}
