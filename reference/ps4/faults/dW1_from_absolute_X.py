# loses: q2.2.W1
# loses on mnist: q2.5.sigmoid.accuracy q2.5.relu.accuracy
# says: The gradient of W1 loses the sign of X: multiply the transpose of X itself with the gradient of the pre-activations.
# --- replace
        grads['W1'] = X.T @ dz1
# --- by
        grads['W1'] = np.abs(X).T @ dz1
