# loses: q2.2.W1 q2.2.b1 q2.2.W2 q2.2.b2
# says: The labels are off by one in the gradient of the scores; class 0 is column 0.
# --- replace
        dscores[np.arange(N), y] -= 1
# --- by
        dscores[np.arange(N), y - 1] -= 1
