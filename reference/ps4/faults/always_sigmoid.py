# loses: q2.4.forward.published q2.4.forward.loss q2.4.backward.W1 q2.4.backward.b1 q2.4.backward.W2 q2.4.backward.b2 q2.4.training.epochs
# says: The net is a sigmoid net whatever activation it was built with; look at self.activation.
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
