# %% [markdown]
# # Compare two runs
#
# One network has an accuracy of 83 %, another one of 86 %. Is the second better? This notebook
# shows how to answer without fooling yourself. The X-rays are phantoms. Research use only, this is
# not a medical device.

# %%
import pxr_tf as pxr

MODEL, FOLDS, EPOCHS = "xception", 5, (2, 5)  # two runs: about twelve minutes on two cores

# %% [markdown]
# ## Two ways to train
#
# `strategy=2` trains the new layers first, and then the whole network. `strategy=1` trains the
# whole network at once. Data, seed and folds are the same, so both are tested on the same patients.

# %%
first = pxr.cross_validate(model=MODEL, folds=FOLDS, epochs=EPOCHS)
second = pxr.cross_validate(model=MODEL, folds=FOLDS, epochs=EPOCHS[-1], strategy=1)
second.place

# %% [markdown]
# ## The difference, with its interval
#
# `difference` is the second minus the first. The patients are drawn again and again, for both runs
# together: `low` and `high` hold 95 % of the differences that then come out. If 0 lies between
# them, other patients could just as well have favoured the first run.

# %%
table = pxr.compare(first, second)
overall = table[table["class"] == "all"]
overall[["metric", "first_value", "second_value", "difference", "low", "high"]]

# %% [markdown]
# ## Three sources of luck
#
# - **The patients.** `patient_p` tests whether the difference could come from the patients alone.
# - **The folds.** Other training patients give another network. `fold_p` tests that. It is corrected
#   because the training parts of two folds share most of their patients.
# - **The seed.** Other random numbers give another network again. Train with several seeds, and
#   compare the folders that hold them.
#
# If you look at ten metrics, one of them will look "significant" by chance. The columns that end in
# `_holm` take that into account.

# %%
table[["class", "metric", "patient_test", "patient_p", "patient_p_holm", "fold_p", "fold_p_holm"]]

# %% [markdown]
# ## Could so few patients have shown it?
#
# `smallest` is the smallest difference that this number of patients would show in four of five
# studies. A smaller difference than this was never going to be found here. "Not significant" then
# does not mean "equal".

# %%
overall[["metric", "patients", "difference", "smallest"]]

# %% [markdown]
# `worse`, `equal` and `better` are the probabilities that the true difference is below -0.01,
# between, or above 0.01. They can say that two networks are practically the same, which no p value
# can.

# %%
overall[["metric", "worse", "equal", "better"]]
