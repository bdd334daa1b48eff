# loses: q2.1.stable
# says: is infinite
# --- replace
        shifted = scores - np.max(scores, axis=1, keepdims=True)
# --- by
        shifted = scores
