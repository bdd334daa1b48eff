# loses: q2.2.b1
# says: The data term of the gradient of b1 is summed over the batch; divide it by N.
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
        grads['b1'] = np.sum(dz1, axis=0)
# --- replace
        grads['W2'] = h1.T @ dscores
# --- by
        grads['W2'] = h1.T @ dscores / N
# --- replace
        grads['b2'] = np.sum(dscores, axis=0)
# --- by
        grads['b2'] = np.sum(dscores, axis=0) / N
