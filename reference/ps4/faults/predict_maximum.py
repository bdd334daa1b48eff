# loses: q2.3.predict
# says: agrees with the forward pass at the net
# --- replace
        return np.argmax(scores, axis=1)
# --- by
        return np.max(scores, axis=1)
