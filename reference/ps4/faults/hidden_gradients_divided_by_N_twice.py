# loses: q2.2.W1 q2.2.b1
# says: The gradients of W1 and b1 are divided by N twice; divide once.
# --- replace
        dz1 = dh1 * self.slope(z1, h1)
# --- by
        dz1 = dh1 * self.slope(z1, h1) / N
