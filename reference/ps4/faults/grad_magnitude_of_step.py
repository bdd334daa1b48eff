# loses: q2.3.histories
# says: grad_magnitude_history is multiplied with the learning rate: record the norm of the gradient of W1 itself.
# --- replace
                grad_magnitude_history.append(np.linalg.norm(grads['W1']))
# --- by
                grad_magnitude_history.append(np.linalg.norm(learning_rate * grads['W1']))
