# loses: q2.2.b1 q2.2.b2
# says: The bias gradients are means over the batch: the gradient of the scores is divided by N already, so sum it.
# --- replace
        grads['b1'] = np.sum(dz1, axis=0)
# --- by
        grads['b1'] = np.mean(dz1, axis=0)
# --- replace
        grads['b2'] = np.sum(dscores, axis=0)
# --- by
        grads['b2'] = np.mean(dscores, axis=0)
