# loses: q2.3.step q2.3.decay q2.3.batches q2.3.histories q2.3.predict q2.4.training.epochs
# says: operands could not be broadcast together with shapes
# --- replace
        return np.argmax(scores, axis=1)
# --- by
        return np.eye(scores.shape[1], dtype=int)[np.argmax(scores, axis=1)]
