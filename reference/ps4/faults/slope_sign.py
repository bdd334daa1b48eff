# loses: q2.2.W1 q2.2.b1
# loses on mnist: q2.5.sigmoid.accuracy
# says: The sigmoid's derivative has the wrong sign: it is h (1 - h), not h (h - 1).
# --- replace
        return h * (1 - h)
# --- by
        return h * (h - 1)
