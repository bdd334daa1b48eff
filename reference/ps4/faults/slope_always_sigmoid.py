# loses: q2.4.backward.W1 q2.4.backward.b1
# loses on mnist: q2.5.relu.accuracy
# says: The backward pass uses the sigmoid's derivative for the ReLU net as well: ReLU's is 1 where a > 0 and 0 elsewhere.
# --- replace
        if self.activation == 'relu':
            return z > 0
        return h * (1 - h)
# --- by
        return h * (1 - h)
