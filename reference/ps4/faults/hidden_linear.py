# loses: q2.1.published q2.1.scores q2.1.loss q2.1.stable q2.2.W1 q2.2.b1 q2.2.W2 q2.2.b2 q2.3.predict q2.4.forward.published q2.4.forward.loss q2.4.backward.W1 q2.4.backward.b1 q2.4.backward.W2 q2.4.backward.b2 q2.4.training.epochs
# says: The hidden layer has no activation; apply it to X W1 + b1.
# --- replace
        h1 = self.activate(z1)
# --- by
        h1 = z1
# --- replace
        dz1 = dh1 * self.slope(z1, h1)
# --- by
        dz1 = dh1
