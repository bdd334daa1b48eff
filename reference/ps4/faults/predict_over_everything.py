# loses: q2.3.histories q2.3.predict
# says: times the reference
# --- replace
        return np.argmax(scores, axis=1)
# --- by
        return np.argmax(scores)
