# loses: q2.2.W1 q2.2.b1
# loses on mnist: q2.5.sigmoid.accuracy
# says: The sigmoid's derivative is taken at the pre-activation, a (1 - a): it is h (1 - h), where h is the sigmoid's value.
# --- replace
        return h * (1 - h)
# --- by
        return z * (1 - z)
