# loses: q2.1.published q2.1.scores q2.1.loss q2.1.stable
# loses on mnist: q2.5.sigmoid.accuracy q2.5.relu.accuracy
# says: The two activations are swapped: activation="sigmoid" computes ReLU and activation="relu" computes the sigmoid.
# --- replace
        if self.activation == 'sigmoid':
            return 1.0 / (1.0 + np.exp(-z))
        return np.maximum(0, z)
# --- by
        if self.activation == 'relu':
            return 1.0 / (1.0 + np.exp(-z))
        return np.maximum(0, z)
# --- replace
        if self.activation == 'relu':
            return z > 0
        return h * (1 - h)
# --- by
        if self.activation == 'sigmoid':
            return z > 0
        return h * (1 - h)
