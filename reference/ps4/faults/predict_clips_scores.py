# loses: q2.3.predict
# says: predict clips the scores at zero: take argmax of the scores as they are.
# --- replace
        return np.argmax(scores, axis=1)
# --- by
        return np.argmax(np.maximum(0, scores), axis=1)
