# loses: q2.3.predict
# says: agrees with the forward pass at the net
# --- replace
        return np.argmax(scores, axis=1)
# --- by
        shifted = scores - np.max(scores, axis=1, keepdims=True)
        probs = np.exp(shifted) / np.sum(np.exp(shifted), axis=0)
        return np.argmax(probs, axis=1)
