# loses: q2.2.W1 q2.2.b1
# says: The sigmoid's derivative is missing its h: it is h * (1 - h).
# --- replace
        return h * (1 - h)
# --- by
        return 1 - h
