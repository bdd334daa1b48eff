# loses: q2.4.backward.W1 q2.4.backward.b1
# says: ReLU's derivative is h itself here; it is 1 where a > 0 and 0 elsewhere.
# --- replace
            return z > 0
# --- by
            return h
