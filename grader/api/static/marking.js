// Marking answers by keyboard. Without this script the form works by mouse, and Tab and Space.
"use strict";
const form = document.getElementById("mark");
const boxes = [...form.querySelectorAll("input[name=items]")];
const sum = document.querySelector(".sum");
const adjustment = form.elements.adjustment;

const comment = form.elements.comment, phrase = form.elements.phrase, save = target("Enter");

// In hundredths, as the server adds them up.
function add() {
  const hundredths = (text) => Math.round(100 * (Number(text) || 0));
  const given = boxes.filter((box) => box.checked).map((box) => hundredths(box.dataset.points));
  const total = given.reduce((a, b) => a + b, hundredths(adjustment.value));
  const said = given.length || total || comment.value.trim() || (phrase && phrase.value);
  save.disabled = !said;  // Enter on an untouched form would give 0 points
  sum.textContent = said ? Math.max(0, Math.min(hundredths(sum.dataset.worth), total)) / 100 : "";
}

function target(key) {
  return document.querySelector(`[data-key="${CSS.escape(key)}"]`);
}

function act(found, event) {
  if (!found) return;
  event.preventDefault();
  if (found.matches("input, textarea, select")) found.focus();
  else found.click();
}

document.addEventListener("keydown", (event) => {
  const at = event.target;
  if (event.key === "Escape") return at.blur();
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) return act(target("Enter"), event);
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Enter" && at.matches("a, button, summary, select, textarea")) return;
  if (event.key !== "Enter" && at.matches("textarea, select, input:not([type=checkbox])")) return;
  const box = /^[1-9]$/.test(event.key) ? boxes[Number(event.key) - 1] : null;
  if (event.key === "?") document.getElementById("keys").toggleAttribute("open");
  else if (box) box.click();
  else act(target(event.key), event);
});
form.addEventListener("input", add);
addEventListener("pageshow", add);
add();
