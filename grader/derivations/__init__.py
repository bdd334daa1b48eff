"""Written derivations: find them in notebooks, parse their formulas, and evaluate each formula on random problems.

A submission passes through the modules in this order: `macros` → `locate` → `markdown` → `names` → `lexer` → `parser` →
`equations` → `definitions` → `student_answer` → `evaluate` → `compare` → `judge` → `opinions`. `question` is for
authors of assignments. The comparison depends on formulas only, never on the words of an answer.

Terms:

asked quantity: a quantity that a question asks for, such as ∂J/∂a2 (`question.Asked`).
statement: a chain of equal formulas such as a = b = c, or one formula alone. Each formula is a member.
final formula: the formula in an answer that is compared with an asked quantity, normally the last one for it.
layout: a convention for the shapes of arrays, such as row vectors instead of the handout's column vectors.
dialect: the names that another course uses for the same quantities.
own names: names that the student defines in an answer.
random problem: random values of all quantities of a question.
truth: the right value of a quantity on a random problem, computed from the author's definitions.
to resolve: to replace names by their definitions.
"""
