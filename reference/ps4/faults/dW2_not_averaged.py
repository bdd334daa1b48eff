# loses: q2.2.W2
# says: The data term of the gradient of W2 is summed over the batch; divide it by N.
# --- replace
        dscores /= N
# --- by
# --- replace
        grads['W1'] = X.T @ dz1
# --- by
        grads['W1'] = X.T @ dz1 / N
# --- replace
        grads['b1'] = np.sum(dz1, axis=0)
# --- by
        grads['b1'] = np.sum(dz1, axis=0) / N
# --- replace
        grads['W2'] = h1.T @ dscores
# --- by
        grads['W2'] = h1.T @ dscores
# --- replace
        grads['b2'] = np.sum(dscores, axis=0)
# --- by
        grads['b2'] = np.sum(dscores, axis=0) / N
