// Who looks at this page: what they may do, and the name by which a proxy knows them, if one does.

import { ask } from "./connection.js";

export const me = { role: "clinician", name: null };

export const mayChange = () => me.role === "clinician";

// Fills in a field for a name; one that a proxy has given is not for typing.
export function fillName(field, known) {
  field.value = me.name ?? known ?? "";
  field.readOnly = me.name !== null;
}

async function load() {
  Object.assign(me, await (await ask("/api/me")).json());
  document.body.dataset.role = me.role;
}

load().catch(() => {}); // the service decides in any case
