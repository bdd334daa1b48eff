# loses: q2.2.b1
# says: The gradient of b1 is a single number, a sum over everything: sum over the samples only, axis=0, which gives (H,).
# --- replace
        grads['b1'] = np.sum(dz1, axis=0)
# --- by
        grads['b1'] = np.sum(dz1)
