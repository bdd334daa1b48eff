# loses: q2.3.histories q2.3.predict
# says: predict() returns a column of shape (N, 1): return labels of shape (N,).
# --- replace
        return np.argmax(scores, axis=1)
# --- by
        return np.argmax(scores, axis=1).reshape(-1, 1)
