# loses: q2.3.histories
# says: grad_magnitude_history holds the norm of W1 itself: record the norm of its gradient.
# --- replace
                grad_magnitude_history.append(np.linalg.norm(grads['W1']))
# --- by
                grad_magnitude_history.append(np.linalg.norm(self.params['W1']))
