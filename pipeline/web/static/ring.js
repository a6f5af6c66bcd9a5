// The newest signal of one patient: samples in microvolts, each at the place of its position.

export const MISSING = -32768;

export class Ring {
  constructor(capacity, leads) {
    this.capacity = capacity;
    this.leads = leads;
    this.data = new Int16Array(capacity * leads).fill(MISSING);
    this.start = 0;
    this.stop = 0;
  }

  write(position, samples) {
    const { capacity, leads } = this;
    let n = samples.length / leads;
    let skip = 0;
    if (this.stop === 0 && this.start === 0) this.start = this.stop = position;
    if (position < this.stop) {
      skip = Math.min(this.stop - position, n);
      position += skip;
      n -= skip;
    }
    if (!n) return;
    // What was not sent is not there: it is neither bridged nor left over from the last round.
    const missing = Math.min(position - this.stop, capacity);
    for (let i = position - missing; i < position; i++) {
      const at = (i % capacity) * leads;
      this.data.fill(MISSING, at, at + leads);
    }
    for (let i = Math.max(0, n - capacity); i < n; i++) {
      const at = ((position + i) % capacity) * leads;
      for (let lead = 0; lead < leads; lead++) this.data[at + lead] = samples[(skip + i) * leads + lead];
    }
    this.stop = position + n;
    this.start = Math.max(this.start, this.stop - capacity);
  }

  at(position, lead) {
    if (position < this.start || position >= this.stop) return MISSING;
    return this.data[(position % this.capacity) * this.leads + lead];
  }
}

// The middle of what a lead has shown lately, so that an offset of the amplifier does not move it off the paper.
export function middle(source, start, stop, lead) {
  const values = [];
  const step = Math.max(1, Math.floor((stop - start) / 256));
  for (let i = start; i < stop; i += step) {
    const value = source.at(i, lead);
    if (value !== MISSING) values.push(value);
  }
  if (!values.length) return null;
  values.sort((a, b) => a - b);
  return values[values.length >> 1];
}
