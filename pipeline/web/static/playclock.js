// The sample clock of one patient: signal arrives in lumps and is drawn evenly, a little behind the newest.

const BUFFER_S = 0.15; // s that are still there when the next lump is due
const TOO_FAR_S = 3; // s behind at which the clock moves on to the newest

export class PlayClock {
  constructor(fs) {
    this.fs = fs;
    this.position = null; // samples, a fraction is fine
    this.end = 0;
    this.lump = 0.1 * fs; // samples that arrive together, smoothed
    this.rate = fs / 1000; // samples a ms, as they arrive: a device's true rate is not its nominal one
    this.arrivals = [];
    this.now = null;
  }

  arrived(start, stop, now) {
    this.end = stop;
    const size = stop - start;
    if (size < 2 * this.fs) this.lump += 0.1 * (size - this.lump);
    this.arrivals.push([now, stop]);
    while (this.arrivals.length > 2 && now - this.arrivals[0][0] > 5000) this.arrivals.shift();
    const [then, position] = this.arrivals[0];
    if (now - then > 1500) {
      const rate = (stop - position) / (now - then);
      if (rate > 0) this.rate += 0.1 * (rate - this.rate);
    }
    if (this.position === null) this.position = Math.max(start, stop - this.#wanted());
  }

  #wanted() {
    return BUFFER_S * this.fs + this.lump / 2;
  }

  // Returns where drawing stands now. Without signal to draw it stands still.
  advance(now) {
    if (this.position === null) return null;
    const elapsed = this.now === null ? 0 : now - this.now;
    this.now = now;
    const behind = this.end - this.position;
    if (behind > TOO_FAR_S * this.fs + this.#wanted()) {
      this.position = this.end - this.#wanted();
      return this.position;
    }
    const correction = Math.min(0.5, Math.max(-0.3, (behind - this.#wanted()) / this.fs));
    this.position = Math.min(this.end, this.position + this.rate * (1 + correction) * elapsed);
    return this.position;
  }
}
