# loses: q2.4.backward.W1 q2.4.backward.b1
# says: The activation is max(0, a) but its gradient is softplus's σ(a); ReLU's is 1 where a > 0.
# --- replace
            return z > 0
# --- by
            return 1.0 / (1.0 + np.exp(-z))
