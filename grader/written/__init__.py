"""Written answers: LaTeX as students write it → a formula → compared with the true one on random networks.

source (maths among words) → tokens (pylatexenc) → chains (a = b = c) → grammar (a tree) → evaluate → judge → scrutiny.
What is read is data of a stranger: nothing is evaluated but our own tree, in bounded size, depth and steps.
"""
