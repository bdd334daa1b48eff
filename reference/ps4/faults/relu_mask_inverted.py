# loses: q2.4.backward.W1 q2.4.backward.b1
# says: ReLU's mask is upside down: the gradient goes through where a > 0.
# --- replace
            return z > 0
# --- by
            return z < 0
