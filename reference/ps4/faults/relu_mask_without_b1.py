# loses: q2.4.backward.W1 q2.4.backward.b1
# says: ReLU's mask leaves b1 out: the gradient goes through where X W1 + b1 > 0.
# --- replace
            return z > 0
# --- by
            return z - self.params['b1'] > 0
