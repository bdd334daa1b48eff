# loses: q2.4.forward.published q2.4.forward.loss
# says: The ReLU net computes tanh: ReLU is max(0, a).
# --- replace
        return np.maximum(0, z)
# --- by
        return np.tanh(z)
# --- replace
            return z > 0
# --- by
            return 1 - h ** 2
