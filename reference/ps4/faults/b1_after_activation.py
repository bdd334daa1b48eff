# loses: q2.1.published
# says: b1 is added after the activation: add it to X W1 before the activation is applied.
# --- replace
        z1 = X @ W1 + b1
# --- by
        z1 = X @ W1
# --- replace
        h1 = self.activate(z1)
# --- by
        h1 = self.activate(z1) + b1
