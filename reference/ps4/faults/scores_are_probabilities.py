# loses: q2.1.scores
# says: The scores are probabilities; without y, loss returns the scores before the softmax.
# --- replace
        if y is None:
            return scores
# --- by
        if y is None:
            exp_scores = np.exp(scores - np.max(scores, axis=1, keepdims=True))
            return exp_scores / np.sum(exp_scores, axis=1, keepdims=True)
