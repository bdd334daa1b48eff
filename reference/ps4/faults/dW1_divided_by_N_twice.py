# loses: q2.2.W1
# says: The data term of the gradient of W1 is divided by N twice; divide once.
# --- replace
        grads['W1'] = X.T @ dz1
# --- by
        grads['W1'] = X.T @ dz1 / N
