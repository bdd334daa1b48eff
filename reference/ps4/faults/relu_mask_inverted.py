# loses: q2.4.backward.W1 q2.4.backward.b1
# says: The ReLU mask is inverted: the gradient passes where a > 0, not where a < 0.
# --- replace
            return z > 0
# --- by
            return z < 0
