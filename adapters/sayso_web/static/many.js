"use strict";
// Without this script the grid works as well; with it, it can be used by keys, and a row is opened in its place.

const form = document.getElementById("many");
const rows = () => [...form.querySelectorAll("tbody tr")];
const box = (row) => row.querySelector('input[name="row"]');
const here = () => document.activeElement.closest("tbody tr");

function tellChosen() {
  const chosen = form.querySelectorAll('input[name="row"]:checked').length;
  const told = document.getElementById("chosen");
  if (told && form.querySelector('input[type="checkbox"]')) told.textContent = chosen ? `${chosen} chosen` : "";
}

function move(step) {
  const all = rows();
  const at = all.indexOf(here());
  const next = all[Math.min(all.length - 1, Math.max(0, at < 0 ? 0 : at + step))];
  if (!next) return;
  (box(next) || next.querySelector("a")).focus();
  next.scrollIntoView({ block: "nearest" });
}

// What is opened comes from the service, with the proof that it was shown; what was chosen stays chosen.
async function open(link) {
  const id = link.closest("tr").id;
  const answer = await fetch(link.href, { credentials: "same-origin" });
  if (!answer.ok) return location.assign(link.href);
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(id);
  const old = document.getElementById(id);
  if (!fresh || !old) return location.assign(link.href);
  old.replaceWith(fresh);
  box(fresh)?.focus();
}

form.addEventListener("click", (event) => {
  const link = event.target.closest("a.show");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  open(link);
});
form.addEventListener("change", tellChosen);

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches('input[type="text"], textarea')) return;
  const row = here();
  if (event.key === "j") move(1);
  else if (event.key === "k") move(-1);
  else if (event.key === "x" && row && box(row)) box(row).click();
  else if (event.key === "o" && row) row.querySelector("a.show")?.click();
  else if (event.key === "g" && row) {
    const all = [...row.closest("tbody").querySelectorAll('input[name="row"]')];
    const every = all.every((one) => one.checked);
    for (const one of all) one.checked = !every;
    tellChosen();
  } else return;
  event.preventDefault();
});
