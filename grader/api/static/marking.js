// Marking by keyboard. Without this script the forms work by mouse, and Tab and Space.
"use strict";
const form = document.getElementById("mark");
const boxes = form ? [...form.querySelectorAll("input[name=items]")] : [];
const answers = [...document.querySelectorAll(".distinct")];
const save = target("Enter");
let chosen = 0, going = false;

// Keys that can do nothing at the moment say why.
const CANNOT = {
  a: "The machine suggests no points for the whole group.",
  b: "The comment bank is empty.",
  d: "Markers differ about no other group.",
  j: "This is the last group.",
  k: "This is the first group.",
  m: "There is no other group to merge into.",
  n: "No other group waits for you.",
  r: "There is a rubric already.",
  u: "There is nothing to undo.",
  x: "The answer is alone in its group.",
  Enter: "Tick an item, change the points or write a comment first.",
};

function target(key) {
  return document.querySelector(`[data-key="${CSS.escape(key)}"]`);
}

// Unlike page.js's say, it also clears the line.
function tell(words) {
  document.getElementById("status").textContent = words;
}

// In hundredths, as the server adds them up.
function add() {
  if (!form) return;
  const { adjustment, comment, phrase } = form.elements, sum = document.querySelector(".sum");
  const hundredths = (text) => Math.round(100 * (Number(text) || 0));
  const given = boxes.filter((box) => box.checked).map((box) => hundredths(box.dataset.points));
  const total = given.reduce((a, b) => a + b, hundredths(adjustment.value));
  const said = given.length || total || comment.value.trim() || (phrase && phrase.value);
  save.disabled = !said;  // Enter on an untouched form would give 0 points
  sum.textContent = said ? Math.max(0, Math.min(hundredths(sum.dataset.worth), total)) / 100 : "";
}

function choose(number) {
  if (!answers.length) return;
  chosen = Math.max(0, Math.min(answers.length - 1, number));
  answers.forEach((answer, n) => answer.toggleAttribute("data-chosen", n === chosen));
  answers[chosen].scrollIntoView({ block: "nearest" });
}

function act(found, key) {
  if (!found || found.disabled) return tell(CANNOT[key] || "");
  if (found.matches("input, textarea, select")) return found.focus();
  if (found.matches("button")) going = true;  // a second press must not mark the next group
  found.click();
}

// A digit alone is the whole mark: what was ticked before goes. With Shift it only ticks.
function give(number, only) {
  const box = boxes[number - 1];
  if (!box) return tell(boxes.length ? `The rubric has ${boxes.length} items.` : "There is no rubric yet.");
  const { adjustment } = form.elements;
  if (only) {
    boxes.forEach((other) => { other.checked = other === box; });
    if (adjustment.value === adjustment.defaultValue) adjustment.value = 0;  // an earlier mark's
  } else box.checked = !box.checked;
  add();
  if (only) act(save, "Enter");
}

function press(event) {
  const at = event.target, digit = /^(?:Digit|Numpad)([1-9])$/.exec(event.code);
  if (event.key === "Escape") return at.blur();
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) return act(save, "Enter");
  if (event.ctrlKey || event.metaKey || event.altKey || going || event.repeat) return false;
  if (event.key === "Enter" && at.matches("#into")) return at.form.requestSubmit();
  if (event.key === "Enter" && at.matches("a, button, summary, select, textarea")) return false;
  if (event.key !== "Enter" && at.matches("textarea, select, input:not([type=checkbox])")) return false;
  if (digit && form) return give(Number(digit[1]), !event.shiftKey);
  if (event.key === "?") return document.getElementById("keys").toggleAttribute("open");
  if (event.key === "ArrowDown" && answers.length) return choose(chosen + 1);
  if (event.key === "ArrowUp" && answers.length) return choose(chosen - 1);
  if (event.key === "x") return act(answers.length ? answers[chosen].querySelector(".take-out button") : null, "x");
  if (target(event.key) || event.key in CANNOT) return act(target(event.key), event.key);
  return false;
}

document.addEventListener("keydown", (event) => {
  tell("");
  if (press(event) !== false) event.preventDefault();
});
if (form) form.addEventListener("input", add);
addEventListener("pageshow", () => { going = false; add(); });
choose(0);
