# loses: q2.3.histories q2.3.predict
# says: predict() clips the scores at zero, so that rows of negative scores tie: take the argmax of the scores themselves.
# --- replace
        return np.argmax(scores, axis=1)
# --- by
        return np.argmax(np.maximum(0, scores), axis=1)
