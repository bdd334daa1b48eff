# Tries: the guest's own sources and modules searched for an answer, a tolerance, a path of the grader's.
# earns at most: 0
# around: prize
# uses: tools
import inspect
import sys

words = [a + b for a, b in (("1.18", "2248"), ("toler", "ance"), ("/wo", "rk/"), ("relu_ref", "erence"), ("y_t", "est"))]
won = []
for name, module in list(sys.modules.items()):
    if name.startswith("guest"):
        text = gets(lambda: inspect.getsource(module)) or ""
        won += [f"{name}: {word}" for word in words if word in text or any(word in str(v) for v in vars(module).values())]
