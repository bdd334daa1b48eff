# loses: q2.3.histories q2.3.predict
# says: predict() takes the argmax of the whole matrix: take one for each row, axis=1.
# --- replace
        return np.argmax(scores, axis=1)
# --- by
        return np.argmax(scores)
