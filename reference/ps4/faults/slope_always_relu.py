# loses: q2.2.W1 q2.2.b1
# says: A sigmoid net's gradient uses ReLU's mask; the sigmoid's derivative is h * (1 - h).
# --- replace
        if self.activation == 'relu':
            return z > 0
        return h * (1 - h)
# --- by
        return z > 0
