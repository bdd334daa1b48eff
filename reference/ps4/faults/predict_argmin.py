# loses: q2.3.predict
# says: predict takes the smallest score: take np.argmax.
# --- replace
        return np.argmax(scores, axis=1)
# --- by
        return np.argmin(scores, axis=1)
