// The central station: a tile per patient, as large as they all fit.

import { Tile, hrefOf } from "./tile.js";

const GAP = 6;
// px of a tile's head and edges, and the least size below which tiles scroll instead; on a wall letters are 18 mm.
const SIZES = { head: 32, width: 330, height: 132 };
const WALL = { head: 150, width: 620, height: 200 };

export class Station {
  constructor(root, ward, { acknowledge, onWatch }) {
    this.root = root;
    this.ward = ward;
    this.acknowledge = acknowledge;
    this.onWatch = onWatch;
    this.tiles = [];
    this.selected = null;
    this.sizes = SIZES;
    this.seen = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        const tile = this.tiles.find(({ node }) => node === target);
        if (tile) tile.isVisible = isIntersecting;
      }
      this.#watch();
    });
    new ResizeObserver(() => this.layout()).observe(root);
  }

  #watch() {
    if (!this.root.hidden) this.onWatch(this.tiles.filter((tile) => tile.isVisible).map((tile) => tile.patient.number));
  }

  // Takes the patients as they are now; tiles keep their places, a new patient comes last.
  update() {
    const selected = this.selected?.patient.name;
    const known = new Map(this.tiles.map((tile) => [tile.patient, tile]));
    this.seen.disconnect();
    this.tiles = [...this.ward.patients.values()].map((patient) => known.get(patient) ?? new Tile(patient, {
      onSelect: (tile) => { this.selected = tile; },
      onAcknowledge: () => this.acknowledge(patient.openAlarms()),
    }));
    this.root.replaceChildren(...this.tiles.map((tile) => tile.node));
    this.root.dataset.sites = String(new Set(this.tiles.map(({ site }) => site)).size);
    for (const { node } of this.tiles) this.seen.observe(node);
    this.selected = this.tiles.find((tile) => tile.patient.name === selected) ?? null;
    this.layout();
    this.#watch();
  }

  show(isShown, isWall = false) {
    this.sizes = isWall ? WALL : SIZES;
    this.root.hidden = !isShown;
    if (!isShown) return;
    this.layout();
    this.#watch();
  }

  // The number of columns that makes the strips largest without scrolling.
  layout() {
    const width = this.root.clientWidth;
    const height = innerHeight - this.root.getBoundingClientRect().top - scrollY - GAP;
    const n = this.tiles.length;
    const least = this.sizes;
    if (!n || !width) return;
    let best = { columns: 1, value: -1, rowHeight: least.height };
    for (let columns = 1; columns <= n; columns++) {
      const rows = Math.ceil(n / columns);
      const tileWidth = width / columns - GAP;
      const rowHeight = height / rows - GAP;
      if (columns > 1 && tileWidth < least.width) break;
      const fits = rowHeight >= least.height;
      // A longer strip tells more than a higher one; empty places tell nothing.
      const strip = Math.min(tileWidth, 1100) * Math.min(Math.max(rowHeight, least.height) - least.head, 230);
      const value = ((fits ? 1 : 0.5) * strip * n) / (columns * rows);
      if (value > best.value) best = { columns, value, rowHeight: Math.max(rowHeight, least.height) };
    }
    this.columns = best.columns;
    this.root.style.gridTemplateColumns = `repeat(${best.columns}, minmax(0, 1fr))`;
    this.root.style.gridAutoRows = `${Math.floor(Math.min(best.rowHeight, 560))}px`;
    for (const tile of this.tiles) tile.measure();
  }

  frame(now) {
    if (this.root.hidden) return;
    for (const tile of this.tiles) if (tile.isVisible) tile.sweep.frame(now);
  }

  second() {
    if (this.root.hidden) return;
    for (const tile of this.tiles) tile.show();
  }

  repaint() {
    for (const tile of this.tiles) tile.measure();
  }

  key(event) {
    const at = this.tiles.indexOf(this.selected);
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: this.columns, ArrowUp: -this.columns, Home: -at, End: this.tiles.length - 1 - at }[event.key];
    if (step !== undefined && this.tiles.length) {
      const next = at < 0 ? 0 : Math.min(this.tiles.length - 1, Math.max(0, at + step));
      this.tiles[next].node.focus();
      return true;
    }
    if (event.key === "Enter" && this.selected) {
      location.hash = hrefOf(this.selected.patient);
      return true;
    }
    if (event.key === "a" && this.selected) {
      this.acknowledge(this.selected.patient.openAlarms());
      return true;
    }
    return false;
  }
}
