# loses: q2.1.published q2.1.scores q2.1.loss q2.1.stable
# says: The sigmoid net computes tanh: the sigmoid is 1 / (1 + exp(-a)).
# --- replace
            return 1.0 / (1.0 + np.exp(-z))
# --- by
            return np.tanh(z)
# --- replace
        return h * (1 - h)
# --- by
        return 1 - h ** 2
