# loses: q2.3.histories q2.3.predict
# says: predict() takes the score of largest absolute value: take the highest score.
# --- replace
        return np.argmax(scores, axis=1)
# --- by
        return np.argmax(np.abs(scores), axis=1)
