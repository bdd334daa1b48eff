# loses: q2.1.published q2.1.loss q2.1.stable q2.2.W1 q2.2.b1 q2.2.W2 q2.2.b2 q2.4.forward.published q2.4.forward.loss q2.4.backward.W1 q2.4.backward.b1 q2.4.backward.W2 q2.4.backward.b2
# says: times the reference
# --- replace
        shifted = scores - np.max(scores, axis=1, keepdims=True)
# --- by
        shifted = scores - np.max(scores, axis=0, keepdims=True)
