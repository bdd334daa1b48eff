# loses: q2.1.published q2.1.scores q2.1.loss q2.1.stable
# says: The sign in the sigmoid's exponent is wrong: 1 / (1 + exp(a)) falls where the sigmoid rises; write exp(-a).
# --- replace
            return 1.0 / (1.0 + np.exp(-z))
# --- by
            return 1.0 / (1.0 + np.exp(z))
