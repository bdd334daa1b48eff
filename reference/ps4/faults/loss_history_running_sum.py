# loses: q2.3.histories
# says: loss_history holds a running sum: record the loss of each batch alone.
# --- replace
                loss_history.append(loss)
# --- by
                loss_history.append(loss + sum(loss_history[-1:]))
