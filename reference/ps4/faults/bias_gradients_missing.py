# loses: q2.2.b1 q2.2.b2
# says: grads has no entry for b1 and b2: give a gradient for each of W1, b1, W2 and b2.
# --- replace
        grads['b1'] = np.sum(dz1, axis=0)
# --- by
# --- replace
        grads['b2'] = np.sum(dscores, axis=0)
# --- by
# --- replace
                for name in ('W1', 'b1', 'W2', 'b2'):
# --- by
                for name in grads:
