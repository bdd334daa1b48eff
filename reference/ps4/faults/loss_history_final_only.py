# loses: q2.3.histories
# says: loss_history is
# --- replace
            'loss_history': loss_history,
# --- by
            'loss_history': [loss],
