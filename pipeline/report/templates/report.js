"use strict";
// Sort the table by a column: numbers by value, empty cells last.
const table = document.getElementById("records");
if (table) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") === (column ? "descending" : "ascending");
    const sign = (column ? -1 : 1) * (down ? -1 : 1);
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
    const value = (row) => row.cells[column].dataset.v;
    const rows = [...table.tBodies[0].rows].sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      if (!x || !y) return (x ? 0 : 1) - (y ? 0 : 1);
      return sign * (column ? x - y : x.localeCompare(y, undefined, { numeric: true }));
    });
    table.tBodies[0].append(...rows);
  }));
}
const records = [...document.querySelectorAll("details.record")];
document.querySelectorAll("[data-all]").forEach((button) => button.addEventListener("click", () => {
  records.forEach((record) => { record.open = button.dataset.all === "open"; });
}));
// A link to a record opens it.
const follow = () => {
  const record = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (record) { record.open = true; record.scrollIntoView(); }
};
addEventListener("hashchange", follow);
document.querySelectorAll("#records a, .first a").forEach((link) => link.addEventListener("click", () => setTimeout(follow)));
follow();
// Paper has no folds.
addEventListener("beforeprint", () => records.forEach((record) => { record.open = true; }));
