// ECG paper: 25 mm/s, 10 mm/mV, a line every millimetre and a stronger one every five.

import { palette } from "./dom.js";

export const MM = 96 / 25.4; // px of one mm, as style sheets have it

// Makes a canvas as sharp as the screen; returns its context, in px of the style sheet.
export function fit(canvas, width, height, options = {}) {
  const scale = devicePixelRatio || 1;
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d", options);
  context.setTransform(scale, 0, 0, scale, 0, 0);
  return context;
}

// Draws the grid; `shift` moves the vertical lines, in px, for paper that runs.
export function drawGrid(context, width, height, shift = 0) {
  const { paper, fine, bold } = palette();
  context.fillStyle = paper;
  context.fillRect(0, 0, width, height);
  const big = 5 * MM;
  const first = -((((shift % big) + big) % big));
  for (const [colour, every] of [[fine, 1], [bold, 5]]) {
    context.strokeStyle = colour;
    context.lineWidth = every === 1 ? 0.5 : 1;
    context.beginPath();
    for (let i = 0, x = first; x < width; x = first + ++i * MM) {
      if (every === 1 ? i % 5 === 0 : i % 5 !== 0) continue;
      const at = Math.round(x) + 0.5;
      context.moveTo(at, 0);
      context.lineTo(at, height);
    }
    for (let i = 0, y = 0; y < height; y = ++i * MM) {
      if (every === 1 ? i % 5 === 0 : i % 5 !== 0) continue;
      const at = Math.round(y) + 0.5;
      context.moveTo(0, at);
      context.lineTo(width, at);
    }
    context.stroke();
  }
}

const hatches = new Map();

// A pattern for what is not there.
export function hatch(colour) {
  if (!hatches.has(colour)) {
    const tile = document.createElement("canvas");
    tile.width = tile.height = 8;
    const context = tile.getContext("2d");
    context.strokeStyle = colour;
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(-2, 2); context.lineTo(2, -2);
    context.moveTo(0, 8); context.lineTo(8, 0);
    context.moveTo(6, 10); context.lineTo(10, 6);
    context.stroke();
    hatches.set(colour, context.createPattern(tile, "repeat"));
  }
  return hatches.get(colour);
}

// A beat's mark: a letter in the colour of its kind, in outline while the patient is still being learnt; a dot for a
// beat that is not flagged.
export function drawMark(context, beat, x, y, letterOf) {
  const colours = palette();
  if (!beat.anomaly) {
    context.fillStyle = beat.score === null ? colours.muted : colours.normal;
    context.beginPath();
    context.arc(x, y, beat.score === null ? 1.2 : 2, 0, 7);
    context.fill();
    return;
  }
  const colour = colours[beat.kind] ?? colours.other;
  context.beginPath();
  context.roundRect(x - 7, y - 7.5, 14, 15, 3);
  context.fillStyle = beat.learning ? colours.paper : colour;
  context.strokeStyle = colour;
  context.lineWidth = 1.5;
  context.fill();
  context.stroke();
  context.fillStyle = beat.learning ? colour : colours.paper;
  context.font = "700 11px system-ui, sans-serif";
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(letterOf(beat), x, y + 0.5);
}
