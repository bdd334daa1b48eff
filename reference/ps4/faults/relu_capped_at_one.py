# loses: q2.4.forward.published q2.4.forward.loss
# loses on mnist: q2.5.relu.accuracy
# says: The ReLU cuts values off at 1: max(0, a) has no upper bound.
# --- replace
        return np.maximum(0, z)
# --- by
        return np.clip(z, 0, 1)
# --- replace
            return z > 0
# --- by
            return (z > 0) & (z < 1)
