# loses: q2.3.histories
# says: loss_history holds the last loss only: append the loss of every iteration.
# --- replace
            'loss_history': loss_history,
# --- by
            'loss_history': [loss],
