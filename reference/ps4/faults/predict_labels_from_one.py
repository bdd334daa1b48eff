# loses: q2.3.predict
# says: predict is off by one: class 0 is column 0.
# --- replace
        return np.argmax(scores, axis=1)
# --- by
        return np.argmax(scores, axis=1) + 1
