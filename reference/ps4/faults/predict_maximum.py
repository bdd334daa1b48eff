# loses: q2.3.histories q2.3.predict
# says: predict() returns the highest score: return its place, np.argmax.
# --- replace
        return np.argmax(scores, axis=1)
# --- by
        return np.max(scores, axis=1)
