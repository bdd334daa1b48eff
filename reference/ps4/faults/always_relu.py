# loses: q2.1.published q2.1.scores q2.1.loss q2.1.stable
# loses on mnist: q2.5.sigmoid.accuracy
# says: The activation asked for is ignored: a net built with activation="sigmoid" computes ReLU. Use 1 / (1 + exp(-a)) there.
# --- replace
        if self.activation == 'sigmoid':
            return 1.0 / (1.0 + np.exp(-z))
        return np.maximum(0, z)
# --- by
        return np.maximum(0, z)
# --- replace
        if self.activation == 'relu':
            return z > 0
        return h * (1 - h)
# --- by
        return z > 0
