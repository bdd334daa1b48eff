# loses: q2.2.b2 q2.3.step q2.3.decay q2.3.batches q2.3.histories q2.4.training.epochs
# says: The gradient of b2 has the shape (N,), a sum over the classes: sum over the samples, axis=0, which gives (C,).
# --- replace
        grads['b2'] = np.sum(dscores, axis=0)
# --- by
        grads['b2'] = np.sum(dscores, axis=1)
