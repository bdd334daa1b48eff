# loses: q2.1.stable
# says: The softmax overflows at large scores: subtract each row's maximum from its scores before np.exp.
# --- replace
        shifted = scores - np.max(scores, axis=1, keepdims=True)
# --- by
        shifted = scores
