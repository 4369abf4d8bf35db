"""The search: architecture -> trial -> reward, whoever runs the trials.

`ledger` knows what was suggested and learned, `schedule` which trial is next, `trial` evaluates one, and `backends`
hold who runs them: this process, processes beside it, NNI, a table. `final_fit` plans the fit of the best architecture.
"""
