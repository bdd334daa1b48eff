# loses: q2.2.W1 q2.2.b1 q2.2.W2 q2.2.b2
# says: The gradient of the scores subtracts 1 at class y - 1: labels count from 0, so use y.
# --- replace
        dscores[np.arange(N), y] -= 1
# --- by
        dscores[np.arange(N), y - 1] -= 1
