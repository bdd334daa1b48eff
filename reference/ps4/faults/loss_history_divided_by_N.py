# loses: q2.3.histories
# says: loss_history is divided by N: record the loss as it is, a mean already.
# --- replace
                loss_history.append(loss)
# --- by
                loss_history.append(loss / num_train)
