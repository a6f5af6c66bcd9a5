// The newest signal of one patient: samples in microvolts, each at the place of its position.

export const MISSING = -32768;

export class Ring {
  constructor(capacity, leads) {
    this.capacity = capacity;
    this.leads = leads;
    this.data = new Int16Array(capacity * leads).fill(MISSING);
    this.start = 0;
    this.stop = 0;
    this.whole = 0; // from here on the service left out nothing
  }

  write(position, samples) {
    const { capacity, leads } = this;
    let n = samples.length / leads;
    let skip = 0;
    if (this.stop === 0 && this.start === 0) this.start = this.stop = this.whole = position;
    if (position < this.stop) {
      skip = Math.min(this.stop - position, n);
      position += skip;
      n -= skip;
    }
    if (!n) return;
    // What was not sent is not there: it is neither bridged nor left over from the last round.
    if (position > this.stop) this.whole = position;
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
    this.whole = Math.max(this.whole, this.start);
  }

  at(position, lead) {
    if (position < this.start || position >= this.stop) return MISSING;
    return this.data[(position % this.capacity) * this.leads + lead];
  }
}

const FAR = 1000; // microvolts by which a line of zero may be moved so that the peaks stay on the paper

// Where a lead's line of zero lies: the middle of what it has shown lately, so that an offset of the amplifier does not
// move it off the paper, and a little beside that where peaks would leave it. `above` and `below` are the room, in
// microvolts. Null without signal.
export function zeroLine(source, start, stop, lead, above, below) {
  const values = [];
  for (let i = start; i < stop; i++) {
    const value = source.at(i, lead);
    if (value !== MISSING) values.push(value);
  }
  if (!values.length) return null;
  const sorted = Int16Array.from(values).sort();
  let zero = sorted[sorted.length >> 1];
  zero += Math.min(FAR, Math.max(0, sorted[sorted.length - 1] - zero - above));
  return zero - Math.min(FAR, Math.max(0, zero - sorted[0] - below));
}
