# loses: q2.2.b1 q2.2.b2 q2.3.step q2.3.decay q2.3.batches q2.3.histories q2.4.backward.b1 q2.4.backward.b2 q2.4.training.epochs
# says: operands could not be broadcast together with shapes
# --- replace
        grads['b1'] = np.sum(dz1, axis=0)
# --- by
        grads['b2'] = np.sum(dz1, axis=0)
# --- replace
        grads['b2'] = np.sum(dscores, axis=0)
# --- by
        grads['b1'] = np.sum(dscores, axis=0)
