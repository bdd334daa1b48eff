# loses: q2.3.histories q2.3.predict
# says: predict() returns the class with the lowest score: use np.argmax.
# --- replace
        return np.argmax(scores, axis=1)
# --- by
        return np.argmin(scores, axis=1)
