"""Written derivations: find them in notebooks, read their formulas, and evaluate every one on random problems.

The order of the modules is the order of the work: `macros` → `locate` → `pieces` → `tokens` → `parser` → `statements` →
`evaluate` → `judge` → `opinions`. `question` is the author's kit. Words are shown to people and decide nothing.
"""
