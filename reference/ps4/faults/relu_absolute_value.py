# loses: q2.4.forward.published q2.4.forward.loss
# loses on mnist: q2.5.relu.accuracy
# says: The ReLU net computes |a|: ReLU is max(0, a), so negative values become 0.
# --- replace
        return np.maximum(0, z)
# --- by
        return np.abs(z)
# --- replace
            return z > 0
# --- by
            return np.sign(z)
