# loses: q2.2.W1 q2.2.b1 q2.2.W2 q2.2.b2 q2.4.backward.W1 q2.4.backward.b1 q2.4.backward.W2 q2.4.backward.b2
# says: of its size
# --- replace
        dscores[np.arange(N), y] -= 1
# --- by
        dscores[:, y] -= 1
