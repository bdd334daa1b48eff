# loses: q2.3.predict
# says: predict takes the largest absolute score: take the largest score.
# --- replace
        return np.argmax(scores, axis=1)
# --- by
        return np.argmax(np.abs(scores), axis=1)
