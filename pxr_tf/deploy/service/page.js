// Sliders, and dropping files. The page works without this file.
"use strict";

const one = (id) => document.getElementById(id);
function percent(share) {
  if (!Number.isFinite(share)) return "unknown";
  if ((share >= 0.9995 && share < 1) || (share > 0 && share < 0.0005)) {
    return share > 0.5 ? "over 99.9\u00a0%" : "under 0.1\u00a0%";
  }
  return `${(100 * share).toFixed(1)}\u00a0%`;
}

const data = JSON.parse(one("rates-data").textContent);
const [chosen, threshold, prevalence] = ["class", "threshold", "prevalence"].map(one);

for (const hidden of document.querySelectorAll(".scripted")) hidden.hidden = false;

// The predictive values of evaluation/decisions.py: Bayes' theorem.
function show() {
  const rates = data[chosen.value];
  const limit = Number(threshold.value);
  const people = Number(prevalence.value) / 100;
  const step = Math.min(100, Math.max(0, Math.round(100 * limit)));
  const sensitivity = rates.sensitivity[step] ?? NaN;
  const specificity = rates.specificity[step] ?? NaN;
  const found = sensitivity * people;
  const alarms = (1 - specificity) * (1 - people);
  const cleared = specificity * (1 - people);
  const missed = (1 - sensitivity) * people;
  const values = { sensitivity, specificity, ppv: found / (found + alarms), npv: cleared / (cleared + missed) };
  for (const [name, value] of Object.entries(values)) one(name).textContent = percent(value);
  for (const place of document.querySelectorAll("dd.decision")) {
    const share = JSON.parse(place.dataset.shares)[chosen.value];
    const called = share >= limit ? "called" : "not called";
    place.textContent = `${chosen.value} has ${percent(share)}: ${called} ${chosen.value}`;
  }
}

for (const slider of document.querySelectorAll("[data-of]")) {
  const field = one(slider.dataset.of);
  slider.addEventListener("input", () => { field.value = slider.value; show(); });
  field.addEventListener("input", () => { slider.value = field.value; show(); });
}
chosen.addEventListener("change", () => {
  prevalence.value = one("own-share").textContent = (100 * data[chosen.value].prevalence).toFixed(1);
  prevalence.dispatchEvent(new Event("input"));
});

for (const slider of document.querySelectorAll(".opacity")) {
  const heat = slider.closest("figure").querySelector(".heat");
  slider.addEventListener("input", () => { heat.style.opacity = slider.value / 100; });
}

const drop = document.querySelector(".drop");
for (const kind of ["dragenter", "dragover"]) {
  drop.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.add("over"); });
}
drop.addEventListener("dragleave", () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  if (event.dataTransfer.files.length) {
    one("files").files = event.dataTransfer.files;
    one("ask").requestSubmit();
  }
});
one("ask").addEventListener("submit", () => { one("busy").textContent = "The models are looking …"; });
window.addEventListener("pageshow", () => { one("busy").textContent = ""; });
