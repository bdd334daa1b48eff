# loses: q2.3.histories
# says: grad_magnitude_history follows W2: record the norm of the gradient of W1.
# --- replace
                grad_magnitude_history.append(np.linalg.norm(grads['W1']))
# --- by
                grad_magnitude_history.append(np.linalg.norm(grads['W2']))
