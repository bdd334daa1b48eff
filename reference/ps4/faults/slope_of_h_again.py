# loses: q2.2.W1 q2.2.b1
# says: The sigmoid is applied twice in its derivative: h is σ(a) already, so it is h * (1 - h).
# --- replace
        return h * (1 - h)
# --- by
        again = 1.0 / (1.0 + np.exp(-h))
        return again * (1 - again)
