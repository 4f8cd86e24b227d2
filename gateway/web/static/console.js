"use strict";
/* Keyboard, copying, dropping and printing. Everything works without it, only slower. */

document.documentElement.classList.add("script");

const typing = (element) => element.closest("input, textarea, select, [contenteditable]") !== null;

const rows = () => [...document.querySelectorAll("[data-rows] [data-row]")];

function moveSelection(step) {
  const all = rows();
  if (all.length === 0) return;
  const at = all.findIndex((row) => row.classList.contains("selected"));
  const next = all[Math.min(Math.max(at + step, 0), all.length - 1)];
  all.forEach((row) => row.classList.toggle("selected", row === next));
  next.querySelector("a").focus();
}

function openRow(row) {
  const link = row && row.querySelector("a");
  if (link) link.click();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  if (event.key === "j") moveSelection(1);
  else if (event.key === "k") moveSelection(-1);
  else if (event.key === "/") {
    const search = document.querySelector("[data-search]");
    if (!search) return;
    event.preventDefault();
    search.focus();
    search.select();
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.isComposing || !event.target.matches("[data-line] input")) return;
  const adds = event.target.form.dataset.enterAdds;
  if (!adds) return;
  event.preventDefault();
  document.querySelector(adds).click();
});

document.addEventListener("click", async (event) => {
  const copy = event.target.closest("[data-copy]");
  if (copy) {
    await navigator.clipboard.writeText(copy.dataset.copy);
    copy.classList.add("done");
    copy.setAttribute("aria-label", copy.dataset.done);
    return;
  }
  if (event.target.closest("[data-print]")) window.print();
  const row = event.target.closest("[data-row]");
  const chosen = String(window.getSelection());
  if (row && !chosen && !event.target.closest("a, button, summary")) openRow(row);
});

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
  const zone = event.target.closest("[data-drop]");
  if (zone) showFiles(zone, event.target.files);
});

document.addEventListener("submit", (event) => {
  const sure = event.target.dataset.confirm;
  if (sure && !window.confirm(sure)) event.preventDefault();
});

function showFiles(zone, files) {
  const names = [...files].slice(0, 3).map((file) => file.name);
  const more = files.length - names.length;
  zone.querySelector(".drop-label").textContent = names.join(", ") + (more > 0 ? ` +${more}` : "");
  zone.classList.toggle("full", files.length > 0);
}

for (const zone of document.querySelectorAll("[data-drop]")) {
  const input = zone.querySelector("input");
  for (const kind of ["dragover", "dragleave", "drop"]) {
    zone.addEventListener(kind, (event) => {
      event.preventDefault();
      zone.classList.toggle("over", kind === "dragover");
    });
  }
  zone.addEventListener("drop", (event) => {
    const found = event.dataTransfer;
    if (found.files.length === 0) return;
    if (found.files.length > 1 && !input.multiple) {
      const first = new DataTransfer();
      first.items.add(found.files[0]);
      input.files = first.files;
    } else {
      input.files = found.files;
    }
    showFiles(zone, input.files);
  });
}

/* On a narrow screen the cells of wide tables stand beneath each other, each with its heading. */
function nameCells() {
  for (const table of document.querySelectorAll("table.stacked")) {
    const headings = [...table.tHead.rows[0].cells].map((one) => one.querySelector(".hidden") ? "" : one.textContent.trim());
    for (const row of table.tBodies[0].rows) {
      if (row.cells.length !== headings.length) continue;
      [...row.cells].forEach((cell, at) => {
        const empty = cell.textContent.trim() === "" && cell.querySelector("button, a") === null;
        cell.classList.toggle("blank", empty);
        if (at > 0 && headings[at]) cell.dataset.label = headings[at];
      });
    }
  }
}

nameCells();
document.addEventListener("htmx:afterSettle", nameCells);

/* What scrolls sideways has to be reached by keyboard, what fits must not be in the way. */
function reachScrollers() {
  for (const part of document.querySelectorAll(".scroll")) {
    if (part.scrollWidth > part.clientWidth) part.tabIndex = 0;
    else part.removeAttribute("tabindex");
  }
}

reachScrollers();
window.addEventListener("resize", reachScrollers);
document.addEventListener("htmx:afterSettle", reachScrollers);

/* On a narrow screen a row of tabs is longer than the screen: the chosen one is shown. */
for (const chosen of document.querySelectorAll(".tabs [aria-current], .filters [aria-current]")) {
  const row = chosen.parentElement;
  const middle = chosen.offsetLeft - row.offsetLeft + chosen.offsetWidth / 2;
  row.scrollLeft = middle - row.clientWidth / 2;
}
