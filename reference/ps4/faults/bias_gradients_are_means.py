# loses: q2.2.b1 q2.2.b2
# says: The gradients of b1 and b2 are averaged over the samples once too often: sum them, since the division by N is done already.
# --- replace
        grads['b1'] = np.sum(dz1, axis=0)
# --- by
        grads['b1'] = np.mean(dz1, axis=0)
# --- replace
        grads['b2'] = np.sum(dscores, axis=0)
# --- by
        grads['b2'] = np.mean(dscores, axis=0)
