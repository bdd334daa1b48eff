# loses: q2.4.forward.published q2.4.forward.loss
# loses on mnist: q2.5.relu.accuracy
# says: The ReLU net computes softplus with the logarithm to base 2: softplus is ln(1 + exp(a)), and ReLU max(0, a).
# --- replace
        return np.maximum(0, z)
# --- by
        return np.log2(1 + np.exp(z))
# --- replace
            return z > 0
# --- by
            return 1.0 / (1.0 + np.exp(-z)) / np.log(2)
