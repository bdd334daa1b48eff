# loses: q2.1.published q2.1.loss q2.1.stable
# says: The softmax subtracts the maximum of each column: subtract the maximum of each row, axis=1.
# --- replace
        shifted = scores - np.max(scores, axis=1, keepdims=True)
# --- by
        shifted = scores - np.max(scores, axis=0, keepdims=True)
