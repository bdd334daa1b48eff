# loses: q2.4.backward.W1 q2.4.backward.b1
# says: The ReLU net's gradient passes everywhere: it is 0 where a < 0.
# --- replace
            return z > 0
# --- by
            return 1.0
