# loses: q2.4.backward.W1 q2.4.backward.b1
# says: The ReLU net's backward pass uses softplus' derivative, the sigmoid of a: for max(0, a) it is 1 where a > 0 and 0 elsewhere.
# --- replace
            return z > 0
# --- by
            return 1.0 / (1.0 + np.exp(-z))
