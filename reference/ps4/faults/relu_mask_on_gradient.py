# loses: q2.4.backward.W1 q2.4.backward.b1
# says: The ReLU mask looks at the sign of the gradient: it must look at the pre-activation, a > 0.
# --- replace
        dz1 = dh1 * self.slope(z1, h1)
# --- by
        if self.activation == 'relu':
            dz1 = np.maximum(0, dh1)
        else:
            dz1 = dh1 * self.slope(z1, h1)
