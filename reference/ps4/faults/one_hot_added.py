# loses: q2.2.W1 q2.2.b1 q2.2.W2 q2.2.b2
# says: The gradient of the scores adds the one-hot labels: subtract them.
# --- replace
        dscores[np.arange(N), y] -= 1
# --- by
        dscores[np.arange(N), y] += 1
