# loses: q2.2.b1
# says: The gradient of b1 is zero: it has not been computed.
# --- replace
        grads['b1'] = np.sum(dz1, axis=0)
# --- by
        grads['b1'] = np.zeros(b1.shape)
