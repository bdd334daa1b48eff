# loses: q2.2.W1 q2.4.backward.W1
# says: of its size
# --- replace
        grads['W1'] = X.T @ dz1
# --- by
        grads['W1'] = np.abs(X).T @ dz1
