# loses: q2.2.W1 q2.2.b1
# loses on mnist: q2.5.sigmoid.accuracy
# says: The sigmoid's derivative applies the sigmoid to h once more: it is h (1 - h), where h is the sigmoid's value already.
# --- replace
        return h * (1 - h)
# --- by
        again = 1.0 / (1.0 + np.exp(-h))
        return again * (1 - again)
