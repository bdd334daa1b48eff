# loses: q2.1.published q2.1.scores q2.1.loss q2.1.stable q2.2.W1 q2.2.b1 q2.2.W2 q2.2.b2 q2.3.predict
# says: The activation is tanh; this net was built with another one.
# --- replace
            return 1.0 / (1.0 + np.exp(-z))
# --- by
            return np.tanh(z)
# --- replace
        return h * (1 - h)
# --- by
        return 1 - h ** 2
