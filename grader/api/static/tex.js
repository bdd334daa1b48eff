// Sets the formulas in written answers. What KaTeX cannot read stays as the student wrote it.
"use strict";
for (const formula of document.querySelectorAll(".tex")) {
  const set = document.createElement("span");
  try {
    katex.render(formula.dataset.tex, set, {
      displayMode: "display" in formula.dataset,
      trust: false,
      strict: "ignore",
      maxSize: 10,
      maxExpand: 200,
    });
    formula.title = formula.textContent;
    formula.replaceChildren(set);
    formula.classList.add("set");
  } catch { /* the source says it */ }
}
