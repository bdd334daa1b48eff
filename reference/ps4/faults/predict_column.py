# loses: q2.3.histories
# says: predict takes the largest absolute score: take the largest score.
# --- replace
        return np.argmax(scores, axis=1)
# --- by
        return np.argmax(scores, axis=1).reshape(-1, 1)
