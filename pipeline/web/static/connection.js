// The stream from the service. A connection that says nothing is lost as much as one that closes.

const SILENT_MS = 3500; // the service says something every second
const RETRY_MS = [250, 500, 1000, 2000, 4000];

export class Connection extends EventTarget {
  constructor(ward) {
    super();
    this.ward = ward;
    this.tries = 0;
    this.lostAt = null;
    this.heard = 0;
    this.watched = null;
    setInterval(() => this.#look(), 500);
    // A laptop that wakes up does not wait for the next try.
    addEventListener("online", () => this.#again(0));
    this.#open();
  }

  async #open() {
    if (this.tries) await this.#session();
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/stream`);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.heard = performance.now();
    socket.onopen = () => this.#watch();
    socket.onmessage = ({ data }) => {
      if (socket !== this.socket) return;
      this.heard = performance.now();
      this.tries = 0;
      this.#state(true);
      if (typeof data === "string") for (const event of JSON.parse(data)) this.ward.event(event);
      else this.ward.signal(data, this.heard);
    };
    socket.onclose = () => {
      if (socket !== this.socket) return;
      this.#state(false);
      this.#again(RETRY_MS[Math.min(this.tries++, RETRY_MS.length - 1)]);
    };
  }

  // A service that was started anew knows no old session; the page brings the new one.
  async #session() {
    const answer = await fetch("/", { cache: "no-store" }).catch(() => null);
    if (answer?.redirected) location.reload();
  }

  #again(delay) {
    if (this.socket?.readyState === WebSocket.OPEN) return;
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.#open(), delay);
  }

  #look() {
    if (this.socket?.readyState === WebSocket.CLOSED || performance.now() - this.heard < SILENT_MS) return;
    const silent = this.socket;
    this.socket = null; // its close may take minutes to come
    silent?.close();
    this.#state(false);
    this.#again(RETRY_MS[Math.min(this.tries++, RETRY_MS.length - 1)]);
  }

  #state(isUp) {
    if (isUp === (this.lostAt === null) && this.known) return;
    this.known = true;
    this.lostAt = isUp ? null : performance.now();
    this.dispatchEvent(new Event("change"));
  }

  // Says whose signal is drawn; the service sends no other.
  watch(numbers) {
    this.watched = numbers;
    this.#watch();
  }

  #watch() {
    if (this.watched && this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ watch: this.watched }));
  }
}

export async function ask(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).error ?? `the service answers ${answer.status}`);
  return answer;
}

export async function post(path, document) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(document),
  });
  if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).error ?? `the service answers ${answer.status}`);
  return answer.json();
}
