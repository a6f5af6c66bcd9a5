// A patient's alarms of this run and of earlier ones, as the database has them.

import { ask } from "./connection.js";
import { PRIORITIES, clock, el, wallClock } from "./dom.js";

const AGAIN_MS = 1000;

export class AlarmTable {
  constructor(root, { acknowledge, onPick }) {
    this.root = root;
    this.acknowledge = acknowledge;
    this.onPick = onPick;
  }

  load(patient) {
    const isSame = patient === this.patient;
    this.patient = patient;
    // An episode grows with every beat; it is read anew once a second.
    if (this.isLoading || (isSame && performance.now() - (this.loadedAt ?? -Infinity) < AGAIN_MS)) {
      this.#later();
      return;
    }
    this.loadedAt = performance.now();
    this.isLoading = true;
    this.#load(patient);
  }

  #later() {
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.load(this.patient);
    }, AGAIN_MS);
  }

  async #load(patient) {
    try {
      const alarms = await (await ask(`/api/patients/${patient.number}/alarms`)).json();
      if (this.patient === patient) this.#show(alarms);
    } catch (error) {
      this.root.replaceChildren(el("p", { className: "trouble" }, `Alarms cannot be read: ${error.message}`));
    } finally {
      this.isLoading = false;
    }
  }

  #show(alarms) {
    if (!alarms.length) {
      this.root.replaceChildren(el("p", { className: "quiet" }, "No alarm yet."));
      return;
    }
    const rows = alarms.map((alarm) => this.#row(alarm));
    const head = ["began", "lasted", "alarm", "acknowledged"].map((name) => el("th", { scope: "col" }, name));
    this.root.replaceChildren(el("table", {}, el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...rows)));
  }

  #row(alarm) {
    const when = alarm.began_us ? wallClock(alarm.began_us + 1e6 * alarm.onset_s) : clock(alarm.onset_s);
    const time = alarm.is_of_this_run
      ? el("button", { type: "button", className: "link", title: `show ${clock(alarm.onset_s)}`, onclick: () => this.onPick(alarm) }, when)
      : el("span", { title: "an earlier run: its signal is no longer kept" }, when);
    const taken = alarm.by
      ? el("span", {}, `${alarm.by}, ${wallClock(alarm.at_us)}`)
      : el("button", { type: "button", className: "ack", onclick: () => this.acknowledge(alarm) }, "Acknowledge");
    const row = el("tr", { className: alarm.is_of_this_run ? "" : "earlier" },
      el("td", {}, time),
      el("td", {}, alarm.ended_s === null ? (alarm.is_of_this_run ? "lasting" : "–") : clock(Math.max(0, alarm.ended_s - alarm.onset_s))),
      el("td", {}, el("span", { className: `chip ${alarm.priority}${alarm.physiological ? "" : " technical"}` },
        el("b", {}, PRIORITIES[alarm.priority]), ` ${alarm.kind}`), el("span", { className: "message" }, alarm.message),
        alarm.is_of_this_run ? el("a", { className: "export", href: `/api/alarms/${alarm.id}/observation`, download: `alarm-${alarm.id}.json`, title: "the alarm with its signal, as a FHIR R4 Observation" }, "FHIR") : null),
      el("td", {}, taken));
    row.dataset.alarm = alarm.id;
    return row;
  }
}
