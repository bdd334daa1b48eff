# loses: q2.4.forward.published q2.4.forward.loss
# loses on mnist: q2.5.relu.accuracy
# says: The activation asked for is ignored: a net built with activation="relu" still computes the sigmoid. Use max(0, a) there.
# --- replace
        if self.activation == 'sigmoid':
            return 1.0 / (1.0 + np.exp(-z))
        return np.maximum(0, z)
# --- by
        return 1.0 / (1.0 + np.exp(-z))
# --- replace
        if self.activation == 'relu':
            return z > 0
        return h * (1 - h)
# --- by
        return h * (1 - h)
