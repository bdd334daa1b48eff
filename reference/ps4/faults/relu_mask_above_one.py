# loses: q2.4.backward.W1 q2.4.backward.b1
# says: ReLU's mask compares with 1: the gradient goes through where a > 0.
# --- replace
            return z > 0
# --- by
            return z > 1
