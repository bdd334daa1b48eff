# loses: q2.4.forward.published q2.4.forward.loss q2.4.backward.W1 q2.4.backward.b1 q2.4.backward.W2 q2.4.backward.b2 q2.4.training.epochs
# says: agrees with the forward pass at the net
# --- replace
        return np.maximum(0, z)
# --- by
        return np.log2(1 + np.exp(z))
# --- replace
            return z > 0
# --- by
            return 1.0 / (1.0 + np.exp(-z)) / np.log(2)
