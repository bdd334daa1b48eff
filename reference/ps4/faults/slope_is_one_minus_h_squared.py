# loses: q2.2.W1 q2.2.b1
# loses on mnist: q2.5.sigmoid.accuracy
# says: The sigmoid's derivative is that of tanh, 1 - h²: it is h (1 - h).
# --- replace
        return h * (1 - h)
# --- by
        return 1 - h ** 2
