# loses: q2.2.b2
# says: The data term of the gradient of b2 is divided by N twice; divide once.
# --- replace
        grads['b2'] = np.sum(dscores, axis=0)
# --- by
        grads['b2'] = np.mean(dscores, axis=0)
