// Small helpers. Text from outside only ever becomes text.

export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name in node) node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

// Writes only what has changed: a tile is told the same thing many times.
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function clock(seconds, digits = 0) {
  if (seconds === null || !Number.isFinite(seconds)) return "–";
  const whole = Math.floor(seconds * 10 ** digits + 1e-6) / 10 ** digits;
  const h = Math.floor(whole / 3600);
  const m = Math.floor((whole % 3600) / 60);
  const s = (whole % 60).toFixed(digits).padStart(digits ? 3 + digits : 2, "0");
  return h ? `${h}:${String(m).padStart(2, "0")}:${s}` : `${m}:${s}`;
}

const daytime = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
const date = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

export const dayTime = (us) => daytime.format(new Date(us / 1000));

export function wallClock(us) {
  const when = new Date(us / 1000);
  const today = new Date().toDateString() === when.toDateString();
  return today ? daytime.format(when) : `${date.format(when)} ${daytime.format(when)}`;
}

export function shown(value, digits) {
  return value === null || value === undefined || !Number.isFinite(value) ? "–" : value.toFixed(digits);
}

export function probability(p) {
  if (p === null || p === undefined) return "–";
  return p >= 0.001 ? p.toFixed(3) : p.toExponential(0);
}

let colours = null;

const COLOURS = ["panel", "paper", "fine", "bold", "ink", "muted", "expected", "error", "normal", "ventricular", "supraventricular", "other",
  "threshold", "drift", "gap", "high", "medium", "low", "edge", "window", "accent"];

// The palette of the style sheet, for canvases: as colours of a node, since a variable may hold a light and a dark one.
export function palette() {
  if (!colours) {
    const probe = document.body.appendChild(document.createElement("i"));
    colours = {};
    for (const name of COLOURS) {
      probe.style.color = `var(--${name})`;
      colours[name] = getComputedStyle(probe).color;
    }
    probe.remove();
  }
  return colours;
}

export function forgetPalette() {
  colours = null;
}

let notice = 0;

// Says something for a while; with an action there is a button, and more time for it.
export function say(text, action = null) {
  const node = document.getElementById("said");
  node.replaceChildren(text);
  if (action) {
    node.append(el("button", { type: "button", onclick: () => {
      node.classList.remove("on");
      action.onclick();
    } }, action.text));
  }
  node.classList.add("on");
  clearTimeout(notice);
  notice = setTimeout(() => node.classList.remove("on"), action ? 10000 : 4000);
}

export const KINDS = {
  ventricular: { letter: "V", meaning: "looks ventricular" },
  supraventricular: { letter: "S", meaning: "looks supraventricular: early, usual shape" },
  other: { letter: "?", meaning: "strange in another way" },
};

export const PRIORITIES = { high: "!!!", medium: "!!", low: "!" };
