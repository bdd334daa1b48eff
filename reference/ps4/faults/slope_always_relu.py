# loses: q2.2.W1 q2.2.b1
# loses on mnist: q2.5.sigmoid.accuracy
# says: The backward pass uses ReLU's derivative for the sigmoid net as well: the sigmoid's is h (1 - h).
# --- replace
        if self.activation == 'relu':
            return z > 0
        return h * (1 - h)
# --- by
        return z > 0
