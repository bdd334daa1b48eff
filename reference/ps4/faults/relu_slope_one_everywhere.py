# loses: q2.4.backward.W1 q2.4.backward.b1
# says: The activation's derivative is missing from the backward pass.
# --- replace
            return z > 0
# --- by
            return 1.0
