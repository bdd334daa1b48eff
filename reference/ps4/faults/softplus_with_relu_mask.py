# loses: q2.4.backward.W1 q2.4.backward.b1
# says: The forward pass computes softplus, the backward pass ReLU's derivative: softplus' derivative is the sigmoid of a.
# --- replace
        return np.maximum(0, z)
# --- by
        return np.maximum(0, z) + np.log1p(np.exp(-np.abs(z)))
