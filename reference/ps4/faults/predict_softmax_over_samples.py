# loses: q2.3.histories q2.3.predict
# says: predict() normalises the softmax over the samples: normalise over the classes, axis=1, or take the argmax of the scores.
# --- replace
        return np.argmax(scores, axis=1)
# --- by
        shifted = scores - np.max(scores, axis=1, keepdims=True)
        probs = np.exp(shifted) / np.sum(np.exp(shifted), axis=0)
        return np.argmax(probs, axis=1)
