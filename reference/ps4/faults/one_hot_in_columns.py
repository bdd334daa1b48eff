# loses: q2.2.W1 q2.2.b1 q2.2.W2 q2.2.b2
# says: The gradient of the scores subtracts 1 from whole columns ([:, y]): subtract it at one entry per sample, [np.arange(N), y].
# --- replace
        dscores[np.arange(N), y] -= 1
# --- by
        dscores[:, y] -= 1
