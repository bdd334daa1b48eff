# loses: q2.3.histories
# says: grad_magnitude_history is off by
# --- replace
                grad_magnitude_history.append(np.linalg.norm(grads['W1']))
# --- by
                grad_magnitude_history.append(np.linalg.norm(learning_rate * grads['W1']))
