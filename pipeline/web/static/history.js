// What is known of the patient whose view is open: the beats that the service keeps, and signal as it is asked for.

import { ask } from "./connection.js";
import { MISSING } from "./ring.js";
import { beatOf, blocksOf } from "./ward.js";

const BLOCK_S = 20;
const BLOCKS = 60; // kept, the last asked for
const LONGEST_S = 100; // of shapes asked for at once

export class History {
  constructor(patient, onNews) {
    this.patient = patient;
    this.onNews = onNews;
    this.beats = [];
    this.drifts = [];
    this.gaps = [];
    this.shapes = new Map(); // beat -> what was seen and expected; null while it is asked for
    this.why = new Map(); // beat -> why it scored so, in words; null while it is asked for or where nobody knows
    this.blocks = new Map();
    this.base = `/api/patients/${patient.number}`;
  }

  async load() {
    const facts = await (await ask(`${this.base}/beats`)).json();
    const beats = facts.beats.map(beatOf);
    const last = beats.length ? beats[beats.length - 1].beat : -1;
    this.beats = [...beats, ...this.beats.filter((beat) => beat.beat > last)];
    this.drifts = facts.drifts;
    this.gaps = facts.gaps;
    this.onNews();
  }

  add(beats) {
    const last = this.beats.length ? this.beats[this.beats.length - 1].beat : -1;
    this.beats.push(...beats.filter((beat) => beat.beat > last));
    const oldest = this.from();
    let stale = 0;
    while (stale < this.beats.length && this.beats[stale].rPeak < oldest) this.shapes.delete(this.beats[stale++].beat);
    if (stale > 100) this.beats.splice(0, stale);
  }

  // Positions of the oldest sample that the service may still keep, and of the newest.
  from() {
    return Math.max(this.patient.from * this.patient.fs, this.patient.ring.stop - this.patient.keeps * this.patient.fs);
  }

  to() {
    return Math.max(this.patient.ring.stop, this.beats[this.beats.length - 1]?.rPeak ?? 0);
  }

  indexAt(position) {
    let low = 0;
    let high = this.beats.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.beats[middle].rPeak < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  between(start, stop) {
    return this.beats.slice(this.indexAt(start), this.indexAt(stop));
  }

  nearest(position) {
    const i = this.indexAt(position);
    const [a, b] = [this.beats[i - 1], this.beats[i]];
    return !a || (b && b.rPeak - position < position - a.rPeak) ? b : a;
  }

  // The next anomaly after (or, backwards, before) a position.
  anomaly(position, step) {
    let i = step > 0 ? this.indexAt(position + 1) : this.indexAt(position) - 1;
    while (i >= 0 && i < this.beats.length && !this.beats[i].anomaly) i += step;
    return this.beats[i] ?? null;
  }

  lastAnomaly() {
    return this.anomaly(Infinity, -1);
  }

  at(position, lead) {
    const { ring } = this.patient;
    if (position >= ring.whole) return ring.at(position, lead);
    const size = Math.round(BLOCK_S * this.patient.fs);
    const block = this.blocks.get(Math.floor(position / size));
    if (!block) return MISSING;
    const i = position - block.position;
    return i >= 0 && i * block.leads < block.samples.length ? block.samples[i * block.leads + lead] : MISSING;
  }

  // Sees to it that signal and expectations of a stretch are there, soon.
  need(start, stop) {
    const { ring, fs } = this.patient;
    if (start < ring.whole) {
      const size = Math.round(BLOCK_S * fs);
      for (let i = Math.floor(Math.max(start, this.from()) / size); i * size < Math.min(stop, ring.whole); i++) {
        const block = this.blocks.get(i);
        const until = Math.min(stop, ring.whole, (i + 1) * size);
        if (!block || (block.isPart && block.position + block.samples.length / block.leads < until)) this.#fetchBlock(i, size);
      }
    }
    this.#fetchShapes(start - fs, stop + fs); // those of beats beside it reach into it
  }

  async explain(beat) {
    if (this.why.has(beat.beat)) return;
    this.why.set(beat.beat, null);
    while (this.why.size > BLOCKS) this.why.delete(this.why.keys().next().value);
    try {
      const { words } = await (await ask(`${this.base}/beats/${beat.beat}/why`)).json();
      if (words) this.why.set(beat.beat, words.replace(/^Score .*? threshold of \S+ /, "")); // the score stands beside it
      this.onNews();
    } catch {
      // The rest of the view stands without it.
    }
  }

  async #fetchBlock(i, size) {
    const block = this.blocks.get(i) ?? { position: i * size, leads: 1, samples: [] };
    block.isPart = false; // asked for
    this.blocks.set(i, block);
    const isPart = (i + 1) * size > this.to(); // what comes after the newest sample will be there later
    while (this.blocks.size > BLOCKS) this.blocks.delete(this.blocks.keys().next().value);
    try {
      const answer = await ask(`${this.base}/signal?from=${i * size}&to=${(i + 1) * size}`);
      this.blocks.set(i, { ...(blocksOf(await answer.arrayBuffer())[0] ?? block), isPart });
      this.onNews();
    } catch {
      setTimeout(() => {
        this.blocks.delete(i);
        this.onNews();
      }, 2000);
    }
  }

  async #fetchShapes(start, stop) {
    const wanted = this.between(start, stop).filter((beat) => !this.shapes.has(beat.beat));
    if (!wanted.length || this.asking) return;
    this.asking = true;
    const first = wanted[0].rPeak;
    const last = Math.min(wanted[wanted.length - 1].rPeak, first + LONGEST_S * this.patient.fs);
    try {
      const shapes = await (await ask(`${this.base}/shapes?from=${first}&to=${Math.ceil(last) + 1}`)).json();
      for (const shape of shapes) this.shapes.set(shape.beat, shape);
      // What the service does not keep is not asked for again.
      for (const beat of wanted) if (beat.rPeak <= last && !this.shapes.has(beat.beat)) this.shapes.set(beat.beat, null);
    } catch {
      await new Promise((resolve) => { setTimeout(resolve, 1000); });
    } finally {
      this.asking = false;
      this.onNews();
    }
  }
}
