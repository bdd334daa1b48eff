# loses: q2.4.backward.W1 q2.4.backward.b1
# says: The ReLU mask leaves out b1: it must look at the whole pre-activation, X W1 + b1 > 0.
# --- replace
            return z > 0
# --- by
            return z - self.params['b1'] > 0
