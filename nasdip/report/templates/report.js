"use strict";
// The slider: left of the split one image shows, right of it another.
for (const box of document.querySelectorAll(".compare")) {
  const range = box.querySelector("input[type=range]");
  const chosen = (side) => box.querySelector(`select[data-side=${side}]`).value;
  const update = () => {
    const left = chosen("left"), right = chosen("right");
    box.style.setProperty("--split", range.value + "%");
    range.setAttribute("aria-valuetext", `${range.value} % ${left}, ${100 - range.value} % ${right}`);
    for (const layer of box.querySelectorAll(".layer")) {
      const name = layer.dataset.name;
      layer.classList.toggle("left", name === left && left !== right);
      layer.classList.toggle("right", name === right && left !== right);
      layer.classList.toggle("whole", name === left && left === right);
    }
  };
  range.addEventListener("input", update);
  box.addEventListener("change", update);
  update();
}
// Tables sort by the header that is clicked; cells without a value stay at the end.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const headers = [...table.tHead.rows[0].cells];
  headers.forEach((header, column) => {
    header.querySelector("button").addEventListener("click", () => {
      const sorted = header.getAttribute("aria-sort");
      const down = sorted === "ascending" || (sorted === null && header.dataset.first === "descending");
      const numeric = header.dataset.kind === "number";
      const rows = [...body.rows].map((row) => {
        const text = row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
        return [row, text === "" ? null : numeric ? Number(text) : text];
      });
      rows.sort(([, a], [, b]) => {
        if (a === null || b === null) return (a === null) - (b === null);
        const order = numeric ? a - b : a.localeCompare(b);
        return down ? -order : order;
      });
      headers.forEach((other) => other.removeAttribute("aria-sort"));
      header.setAttribute("aria-sort", down ? "descending" : "ascending");
      body.append(...rows.map(([row]) => row));
    });
  });
}
