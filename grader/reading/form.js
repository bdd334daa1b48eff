"use strict";

// Formulas as MathML, which browsers draw without fonts of their own.
for (const formula of document.querySelectorAll("[data-tex]")) {
  try {
    katex.render(formula.dataset.tex, formula, {
      output: "mathml", displayMode: "display" in formula.dataset, throwOnError: true, trust: false,
    });
  } catch {
    // its source stays
  }
}

const papers = [...document.querySelectorAll("article")];

function rows() {
  const items = [...papers[0].querySelectorAll("input[type=checkbox]")].map((box) => box.dataset.heading);
  const filled = papers.map((paper) => [
    document.body.dataset.place,
    paper.dataset.digest,
    paper.querySelector("[name=points]").value,
    paper.querySelector("[name=comment]").value,
    ...[...paper.querySelectorAll("input[type=checkbox]")].map((box) => (box.checked ? "x" : "")),
  ]);
  return [["question", "answer", "points", "comment", ...items], ...filled];
}

// An apostrophe keeps spreadsheets from computing a cell; the import takes it off again.
const harmless = (cell) => (/^[=+\-@\t\r\n\0']/.test(cell) ? `'${cell}` : cell);
const quoted = (cell) => `"${harmless(cell).replaceAll('"', '""')}"`;

function save() {
  const text = rows().map((row) => row.map(quoted).join(",")).join("\r\n") + "\r\n";
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(["\ufeff", text], { type: "text/csv" }));
  link.download = `${document.body.dataset.question}.csv`;
  link.click();
  unsaved = false;
}

let unsaved = false;
document.addEventListener("input", () => { unsaved = true; count(); });
window.addEventListener("beforeunload", (event) => { if (unsaved) event.preventDefault(); });
document.querySelector("#save").addEventListener("click", save);

for (const button of document.querySelectorAll("button[data-phrase]")) {
  button.addEventListener("click", () => {
    const comment = button.closest("article").querySelector("[name=comment]");
    comment.value = [comment.value.trim(), button.dataset.phrase].filter(Boolean).join("\n");
    comment.dispatchEvent(new Event("input", { bubbles: true }));
  });
}

function count() {
  const is_filled = (paper) =>
    paper.querySelector("[name=points]").value !== "" || paper.querySelector("input[type=checkbox]:checked");
  document.querySelector("#done").textContent = papers.filter(is_filled).length;
}
if (papers.length) count();
