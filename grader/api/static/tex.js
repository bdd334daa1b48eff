// Sets the formulas in written answers. What KaTeX cannot read, is nested too deeply or takes too long stays as the
// student wrote it.
// In a function, since a page may load this file twice.
(() => {
  "use strict";
  const MOST_NESTED = 200; // elements within one another; at about 1,000 Chromium crashes
  const MOST_MILLISECONDS = 2000; // for all formulas of a page

  function isTooDeep(set) {
    let level = [set];
    for (let depth = 0; level.length; depth++) {
      if (depth > MOST_NESTED) return true;
      level = level.flatMap((element) => [...element.children]);
    }
    return false;
  }

  const end = performance.now() + MOST_MILLISECONDS;
  for (const formula of document.querySelectorAll(".tex")) {
    if (performance.now() > end) break;
    const set = document.createElement("span");
    try {
      katex.render(formula.dataset.tex, set, {
        displayMode: "display" in formula.dataset,
        trust: false,
        strict: "ignore",
        maxSize: 10,
        maxExpand: 200,
      });
      if (isTooDeep(set)) continue;
      formula.title = formula.textContent;
      formula.replaceChildren(set);
      formula.classList.add("set");
    } catch { /* the source says it */ }
  }
})();
