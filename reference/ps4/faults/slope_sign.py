# loses: q2.2.W1 q2.2.b1
# says: The activation's derivative has the wrong sign: the sigmoid's is h * (1 - h).
# --- replace
        return h * (1 - h)
# --- by
        return h * (h - 1)
