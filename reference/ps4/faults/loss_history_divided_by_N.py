# loses: q2.3.histories
# says: loss_history divides the loss by the number of samples once more: record it as loss() returns it.
# --- replace
                loss_history.append(loss)
# --- by
                loss_history.append(loss / num_train)
