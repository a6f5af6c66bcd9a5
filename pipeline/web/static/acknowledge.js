// Taking note of alarms: who is asked once, and kept in this browser.

import { post } from "./connection.js";
import { say } from "./dom.js";

const KEY = "ecg-who";

function who() {
  const known = localStorage.getItem(KEY);
  if (known) return Promise.resolve(known);
  const dialog = document.getElementById("who");
  const form = dialog.querySelector("form");
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      const name = form.by.value.trim();
      if (dialog.returnValue !== "ok" || !name) return resolve(null);
      localStorage.setItem(KEY, name);
      resolve(name);
    }, { once: true });
    dialog.returnValue = "";
    dialog.showModal();
  });
}

export const knownName = () => localStorage.getItem(KEY);

export function forgetName() {
  localStorage.removeItem(KEY);
}

// Every page hears of it from the service; nothing is shown as acknowledged that is not stored.
export async function acknowledge(alarms) {
  const stored = alarms.filter((alarm) => alarm.id !== null && !alarm.by);
  if (!stored.length) {
    say(alarms.length ? "These alarms wait for the database; try again." : "There is nothing to acknowledge.");
    return;
  }
  const by = await who();
  if (!by) return;
  try {
    await Promise.all(stored.map((alarm) => post(`/api/alarms/${alarm.id}/acknowledge`, { by })));
    say(`Acknowledged by ${by}: ${stored.length === 1 ? stored[0].kind : `${stored.length} alarms`}`);
  } catch (error) {
    say(`Not acknowledged: ${error.message}`);
  }
}
