# loses: q2.4.backward.W1 q2.4.backward.b1
# says: A ReLU net's gradient uses the sigmoid's derivative h * (1 - h); ReLU's is 1 where a > 0.
# --- replace
        if self.activation == 'relu':
            return z > 0
        return h * (1 - h)
# --- by
        return h * (1 - h)
