# loses: q2.3.histories q2.3.predict
# says: predict() rounds the scores, so that close ones tie: take the argmax of the scores themselves.
# --- replace
        return np.argmax(scores, axis=1)
# --- by
        return np.argmax(np.round(scores), axis=1)
