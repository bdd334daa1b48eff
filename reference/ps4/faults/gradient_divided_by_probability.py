# loses: q2.2.W1 q2.2.b1 q2.2.W2 q2.2.b2
# says: The gradient of the scores is the gradient of the probabilities, -1/p: carry it through the softmax, which gives the probabilities minus the one-hot labels.
# --- replace
        dscores = probs.copy()
# --- by
        dscores = np.zeros(probs.shape)
# --- replace
        dscores[np.arange(N), y] -= 1
# --- by
        dscores[np.arange(N), y] = -1 / probs[np.arange(N), y]
