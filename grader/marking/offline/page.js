"use strict";

// Formulas as MathML, which browsers draw without fonts of their own.
for (const formula of document.querySelectorAll(".tex")) {
  const set = document.createElement("span");
  try {
    katex.render(formula.dataset.tex, set, {
      output: "mathml", displayMode: "display" in formula.dataset,
      trust: false, strict: "ignore", maxSize: 10, maxExpand: 200,
    });
    formula.title = formula.textContent;
    formula.replaceChildren(set);
  } catch { /* the source says it */ }
}

const form = document.getElementById("form");
const answers = [...document.querySelectorAll("article")];
const points = (answer) => answer.querySelector(".points");
const comment = (answer) => answer.querySelector("textarea");
const ticked = (answer) => [...answer.querySelectorAll("[data-heading]:checked")].map((box) => box.dataset.heading);
const is_filled = (answer) => points(answer).value !== "" || ticked(answer).length > 0;
const whole = (answer) => answer.querySelector("[data-whole]")?.checked && is_filled(answer);
let unsaved = false;

function count() {
  for (const answer of answers) {
    const { value, dataset } = points(answer);
    const is_more = Number(value.replace(",", ".")) > Number(dataset.most);
    points(answer).setCustomValidity(is_more ? `The question is worth ${dataset.most} points` : "");
  }
  const groups = new Set(answers.filter(whole).map(({ dataset }) => `${dataset.place} ${dataset.group}`));
  for (const answer of answers) {
    const follows = "waits" in answer.dataset && groups.has(`${answer.dataset.place} ${answer.dataset.group}`);
    answer.classList.toggle("done", is_filled(answer) || follows);
  }
  document.getElementById("count").textContent = `${document.querySelectorAll(".done").length} of ${answers.length} marked`;
}

// An apostrophe keeps spreadsheets from computing a cell; the import takes it off again.
const cell = (text) => `"${(/^[=+\-@\t\r\n\0']/.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;

function table() {
  const items = [...new Set([...document.querySelectorAll("[data-heading]")].map((box) => box.dataset.heading))];
  const rows = answers.map((answer) => [
    answer.dataset.place, answer.dataset.answer, answer.dataset.group, whole(answer) ? "x" : "",
    points(answer).value, comment(answer).value,
    ...items.map((item) => (ticked(answer).includes(item) ? "x" : "")),
  ]);
  return [["question", "answer", "group", "whole group", "points", "comment", ...items], ...rows];
}

for (const button of document.querySelectorAll("[data-agree], [data-phrase]")) {
  const answer = button.closest("article"), { agree, phrase } = button.dataset;
  button.addEventListener("click", () => {
    if (agree) points(answer).value = agree;
    else comment(answer).value = [comment(answer).value.trim(), phrase].filter(Boolean).join("\n");
    form.dispatchEvent(new Event("input"));
  });
}
form.addEventListener("input", () => { unsaved = true; count(); });
form.addEventListener("submit", (event) => event.preventDefault()); // Enter in a field saves nothing
document.getElementById("save").addEventListener("click", () => {
  if (!form.reportValidity()) return;
  const text = table().map((row) => row.map(cell).join(",") + "\r\n").join("");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(["\ufeff", text], { type: "text/csv" }));
  link.download = form.dataset.file;
  link.click();
  unsaved = false;
});
window.addEventListener("beforeunload", (event) => { if (unsaved) event.preventDefault(); });
count();
