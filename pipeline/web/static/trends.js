// Score against threshold, p-value and R-R interval over time, on one axis (uPlot).

import { palette, probability, shown } from "./dom.js";

const KINDS = ["ventricular", "supraventricular", "other"];
const LEAST_P = 1e-5;
const DECADES = [1, 0.1, 0.01, 0.001, 0.0001];

export class Trends {
  constructor(root, readout, onPick) {
    this.root = root;
    this.readout = readout;
    this.onPick = onPick;
    this.range = 300; // s shown
    this.plots = [];
  }

  open(history) {
    this.history = history;
    this.#build();
  }

  #build() {
    for (const plot of this.plots) plot.destroy();
    this.root.replaceChildren();
    if (!this.history) return;
    const colours = palette();
    const points = (size, colour) => ({ show: true, size, fill: colour, stroke: colour, width: 0 });
    const dots = (label, colour, size) => ({ label, stroke: colour, paths: () => null, points: points(size, colour) });
    const score = [
      dots("score", colours.normal, 3.5),
      ...KINDS.map((kind) => dots(kind, colours[kind], 7)),
      { label: "threshold", stroke: colours.threshold, width: 1.75, points: { show: false }, paths: uPlot.paths.stepped({ align: 1 }) },
    ];
    const p = [dots("p", colours.normal, 3.5), ...KINDS.map((kind) => dots(kind, colours[kind], 7))];
    const rr = [
      { label: "R-R", stroke: colours.muted, width: 1, points: points(3.5, colours.normal) },
      ...KINDS.map((kind) => dots(kind, colours[kind], 7)),
    ];
    this.plots = [
      this.#plot("score", score, {}, 0.42),
      this.#plot("p", p, { distr: 3, dir: -1, range: (_, low) => [Math.min(low ?? 0.001, 0.001), 1] }, 0.26),
      this.#plot("R-R s", rr, { range: (_, low, high) => [Math.max(0, (low ?? 0.4) - 0.1), (high ?? 1.2) + 0.1] }, 0.32),
    ];
    this.update();
  }

  #plot(label, series, scale, share) {
    const colours = palette();
    const { width, height } = this.root.getBoundingClientRect();
    const isLast = label === "R-R s";
    const axis = { stroke: colours.muted, grid: { stroke: colours.edge, width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif" };
    return new uPlot({
      width: Math.max(200, width),
      height: Math.max(70, Math.floor(height * share)),
      padding: [8, 10, isLast ? 0 : 4, 0],
      legend: { show: false },
      cursor: {
        sync: { key: "trends", setSeries: false },
        drag: { x: false, y: false },
        points: { show: false },
        bind: { click: (plot) => () => this.#pick(plot) },
      },
      scales: { x: { time: false }, y: scale },
      series: [{}, ...series],
      axes: [
        { ...axis, show: isLast, size: 22, space: 80, incrs: [5, 10, 20, 30, 60, 120, 300, 600],
          splits: (plot, _, from, to, every) => this.history.patient.ticks(from, to, every),
          values: (_, ticks) => ticks.map((tick) => this.history.patient.time(tick)) },
        { ...axis, label, labelSize: 14, labelFont: "11px system-ui, sans-serif", labelGap: 0, size: 44,
          ...(label === "p" ? { splits: () => DECADES, values: () => DECADES.map(String) } : {}) },
      ],
      hooks: {
        draw: [(plot) => this.#lines(plot)],
        setCursor: [(plot) => { if (plot === this.plots[0]) this.#read(plot); }],
      },
    }, [[]], this.root);
  }

  #pick(plot) {
    const { left } = plot.cursor;
    if (left < 0) return;
    const beat = this.history.nearest(plot.posToVal(left, "x") * this.history.patient.fs);
    if (beat) this.onPick(beat);
  }

  #read(plot) {
    const { idx } = plot.cursor;
    const beat = idx === null || idx === undefined ? null : this.shown?.[idx];
    this.readout.textContent = beat
      ? `${this.history.patient.time(beat.rPeak / this.history.patient.fs)}  score ${shown(beat.score, 2)}  threshold ${shown(beat.threshold, 2)}  p ${probability(beat.p)}  R-R ${shown(beat.rr, 2)} s  ${beat.anomaly ? beat.kind : "not flagged"}`
      : "";
  }

  // Drifts, gaps, and the stretch that the strip shows.
  #lines(plot) {
    if (!this.history) return;
    const { ctx, bbox } = plot;
    const colours = palette();
    const x = (s) => plot.valToPos(s, "x", true);
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    if (this.window) {
      ctx.fillStyle = colours.window;
      ctx.fillRect(x(this.window[0]), bbox.top, x(this.window[1]) - x(this.window[0]), bbox.height);
    }
    ctx.fillStyle = colours.gap;
    ctx.globalAlpha = 0.3;
    for (const gap of this.history.gaps) ctx.fillRect(x(gap.start_s), bbox.top, x(gap.stop_s) - x(gap.start_s), bbox.height);
    ctx.globalAlpha = 1;
    ctx.strokeStyle = colours.drift;
    ctx.lineWidth = 1.5 * devicePixelRatio;
    ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio]);
    for (const drift of this.history.drifts) {
      ctx.beginPath();
      ctx.moveTo(x(drift.time_s), bbox.top);
      ctx.lineTo(x(drift.time_s), bbox.top + bbox.height);
      ctx.stroke();
    }
    ctx.restore();
  }

  // Shows the beats before `right` (s), or around it where the strip stands in the past.
  update(right = this.right, window = this.window) {
    if (!this.history || !this.plots.length) return;
    this.right = right ?? this.history.to() / this.history.patient.fs;
    this.window = window;
    const { fs } = this.history.patient;
    const to = Math.min(this.history.to() / fs, this.right + (window ? Math.max(0, this.range / 2 - (window[1] - window[0])) : 0));
    const from = Math.max(0, to - this.range);
    const beats = this.history.between(from * fs, to * fs + 1);
    this.shown = beats;
    const times = beats.map((beat) => beat.rPeak / fs);
    const split = (value, all) => [
      beats.map((beat) => (all || !beat.anomaly ? value(beat) : null)),
      ...KINDS.map((kind) => beats.map((beat) => (beat.anomaly && beat.kind === kind ? value(beat) : null))),
    ];
    const probabilityOf = (beat) => (beat.p === null ? null : Math.max(LEAST_P, beat.p));
    const data = [
      [times, ...split((beat) => beat.score, false), beats.map((beat) => beat.threshold)],
      [times, ...split(probabilityOf, false)],
      [times, ...split((beat) => beat.rr, true)],
    ];
    this.plots.forEach((plot, i) => plot.batch(() => {
      plot.setData(data[i], false);
      plot.setScale("x", { min: from, max: Math.max(to, from + 60) });
    }));
  }

  resize() {
    const { width, height } = this.root.getBoundingClientRect();
    if (!width) return;
    [0.42, 0.26, 0.32].forEach((share, i) => this.plots[i]?.setSize({ width: Math.max(200, width), height: Math.max(70, Math.floor(height * share)) }));
  }

  repaint() {
    this.#build();
  }
}
