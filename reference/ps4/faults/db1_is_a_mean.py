# loses: q2.2.b1
# says: The data term of the gradient of b1 is divided by N twice; divide once.
# --- replace
        grads['b1'] = np.sum(dz1, axis=0)
# --- by
        grads['b1'] = np.mean(dz1, axis=0)
