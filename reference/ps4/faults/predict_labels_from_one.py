# loses: q2.3.histories q2.3.predict
# says: predict() counts the labels from 1: they count from 0.
# --- replace
        return np.argmax(scores, axis=1)
# --- by
        return np.argmax(scores, axis=1) + 1
