# loses: q2.1.published q2.1.scores q2.1.loss q2.1.stable
# says: The hidden layer has no activation: apply the activation to X W1 + b1 before multiplying with W2.
# --- replace
        h1 = self.activate(z1)
# --- by
        h1 = z1
# --- replace
        dz1 = dh1 * self.slope(z1, h1)
# --- by
        dz1 = dh1
