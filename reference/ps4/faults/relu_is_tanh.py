# loses: q2.4.forward.published q2.4.forward.loss q2.4.backward.W1 q2.4.backward.b1 q2.4.backward.W2 q2.4.backward.b2 q2.4.training.epochs
# says: The activation is tanh; this net was built with another one.
# --- replace
        return np.maximum(0, z)
# --- by
        return np.tanh(z)
# --- replace
            return z > 0
# --- by
            return 1 - h ** 2
