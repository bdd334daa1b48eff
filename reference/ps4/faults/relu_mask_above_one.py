# loses: q2.4.backward.W1 q2.4.backward.b1
# says: The ReLU mask passes the gradient only where a > 1: it passes where a > 0.
# --- replace
            return z > 0
# --- by
            return z > 1
