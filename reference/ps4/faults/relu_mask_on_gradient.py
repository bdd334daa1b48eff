# loses: q2.4.backward.W1 q2.4.backward.b1
# says: ReLU's mask is taken from the gradient itself: it must come from the pre-activation a (or from h).
# --- replace
        dz1 = dh1 * self.slope(z1, h1)
# --- by
        if self.activation == 'relu':
            dz1 = np.maximum(0, dh1)
        else:
            dz1 = dh1 * self.slope(z1, h1)
