// New alarms, said to who listens instead of looking: one by one, not as totals, and the urgent ones at once.

import { setText } from "./dom.js";

const TOGETHER_MS = 1500; // alarms of so long are said in one breath
const LONGEST = 5;

const heard = new Map(); // what was said of an alarm, by patient and alarm
const waiting = { urgent: [], news: [] };
let timer = null;

export function announce(patient, alarm) {
  const key = `${patient.number} ${alarm.key ?? `${alarm.kind} ${alarm.raised_s}`}`;
  if (alarm.by || heard.get(key) === alarm.priority) return; // stored, ended or acknowledged: nothing new to say
  heard.set(key, alarm.priority);
  if (heard.size > 2000) heard.delete(heard.keys().next().value);
  waiting[alarm.priority === "high" ? "urgent" : "news"].push(`${patient.name}: ${alarm.kind}, ${alarm.priority}${alarm.physiological ? "" : ", technical"}`);
  timer ??= setTimeout(say, TOGETHER_MS);
}

function say() {
  timer = null;
  for (const [id, texts] of Object.entries(waiting)) {
    if (!texts.length) continue;
    const rest = texts.length - LONGEST;
    setText(document.getElementById(id), texts.slice(0, LONGEST).join("; ") + (rest > 0 ? `; and ${rest} more` : ""));
    waiting[id] = [];
  }
}
